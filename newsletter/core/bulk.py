"""Many rows at once, by COPY: an INSERT with a thousand times its columns as parameters costs several times as much,
most of it in taking the statement apart."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from psycopg import sql

from newsletter.core.db import Base, db

Row = Sequence[Any]
_GIVEN = sql.Identifier("given")


def copy(model: type[Base], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Add rows to a table in the caller's transaction; one that clashes with another fails them all."""
    with _driver().cursor() as cursor:
        _copy(cursor, sql.Identifier(model.__tablename__), columns, rows)


def copy_new(model: type[Base], columns: Sequence[str], rows: Iterable[Row], returning: str) -> list[Any]:
    """Add rows but those that clash with what is there, in the caller's transaction; return this column of the added.

    They go by a table of their own: COPY knows no ON CONFLICT.
    """
    table, names = sql.Identifier(model.__tablename__), sql.SQL(", ").join(map(sql.Identifier, columns))
    make = sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM {} WITH NO DATA")
    move = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING RETURNING {}")
    with _driver().cursor() as cursor:
        cursor.execute(make.format(_GIVEN, names, table))
        _copy(cursor, _GIVEN, columns, rows)
        cursor.execute(move.format(table, names, names, _GIVEN, sql.Identifier(returning)))
        added = [row[0] for row in cursor]
        cursor.execute(sql.SQL("DROP TABLE {}").format(_GIVEN))
        return added


def _copy(cursor: psycopg.Cursor[Any], table: sql.Identifier, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copying:
        for row in rows:
            copying.write_row(row)


def _driver() -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", db.session.connection().connection.driver_connection)
