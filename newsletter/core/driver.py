"""Statements that go to the driver (psycopg) as they are, each of them a transaction of its own.

For those whom somebody waits for: SQLAlchemy would look through each statement and its result, and PostgreSQL would be
asked to begin and to commit. That was a fifth of the time that leaving or signing up takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import ClauseElement, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from newsletter.core.db import db

Connection = psycopg.Connection[tuple[Any, ...]]


class Statement:
    """A statement as the driver takes it, made once."""

    def __init__(self, statement: ClauseElement | str) -> None:
        clause = text(statement) if isinstance(statement, str) else statement
        compiled = clause.compile(dialect=dialect())  # type: ignore[no-untyped-call]
        self._words = str(compiled).encode()
        self._values: dict[str, Any] = dict(compiled.params)

    def on(self, connection: Connection, **values: Any) -> tuple[Any, ...] | None:
        """Execute it with these values in its places; return the first row of the result, if it has any."""
        cursor = connection.execute(self._words, self._values | values)
        return cursor.fetchone() if cursor.description else None


@contextmanager
def at_once() -> Iterator[Connection]:
    """Take a connection of the pool on which every statement is a transaction of its own.

    Nothing can be taken back, and the session knows nothing of it. What that had begun is committed: whoever kept one
    connection and waited for another could wait for those who do the same. Raises what the session raises when the
    database is away or does not grant a lock, `sqlalchemy.exc.OperationalError`.
    """
    try:
        with _borrowed() as connection:
            yield connection
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise OperationalError(None, None, error) from error


@contextmanager
def _borrowed() -> Iterator[Connection]:
    if db.session.registry.has() and db.session().in_transaction():
        db.session.commit()
    proxied = db.engine.raw_connection()
    connection = cast(Connection, proxied.driver_connection)
    try:
        connection.autocommit = True
        yield connection
    finally:
        _give_back(proxied, connection)


def _give_back(proxied: PoolProxiedConnection, connection: Connection) -> None:
    if connection.closed:  # by the server; the pool would try to roll back
        proxied.invalidate()
    else:
        connection.autocommit = False
        proxied.close()
