"""What tests take away, and how they watch what is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import psycopg
from sqlalchemy import event

from newsletter.core.db import db
from newsletter.core.driver import Connection, Statement


@contextmanager
def database_away(database_url: str) -> Iterator[None]:
    """Turn everyone out of the database, and let nobody in."""
    server, _slash, name = database_url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextmanager
def counting_queries() -> Iterator[list[str]]:
    """Keep every statement that is sent to the database."""
    statements: list[str] = []
    on = Statement.on

    def keep(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    def straight(statement: Statement, connection: Connection, **values: object) -> tuple[object, ...] | None:
        statements.append(statement._words.decode())
        return on(statement, connection, **values)

    event.listen(db.engine, "before_cursor_execute", keep)
    with mock.patch.object(Statement, "on", straight):
        yield statements
    event.remove(db.engine, "before_cursor_execute", keep)
