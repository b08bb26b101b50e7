"""Statements that go to PostgreSQL's own library (libpq) as they are, each of them a transaction of its own.

For those whom somebody waits for: SQLAlchemy would look through each statement and its result, PostgreSQL would be
asked to begin and to commit (a fifth of the time that leaving or signing up took), and psycopg would make a cursor,
look whether to prepare, and go to and fro between Python and C: an eighth of what was then left of leaving.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import ClauseElement, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from newsletter.core.db import db

Connection = psycopg.Connection[tuple[Any, ...]]
_FINE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_prepared: WeakKeyDictionary[Connection, set[bytes]] = WeakKeyDictionary()


class Statement:
    """A statement, prepared once on each connection that it goes over.

    The call waits in C, without the interpreter's lock: other threads go on, a signal is seen when the answer is there.
    """

    def __init__(self, statement: ClauseElement | str) -> None:
        clause = text(statement) if isinstance(statement, str) else statement
        words = dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        compiled = cast(SQLCompiler, clause.compile(dialect=words))
        self._words = str(compiled).encode()
        # By what it says: whoever shares the server's side of a connection (PgBouncer) must not find another one there.
        self._name = b"newsletter_" + sha256(self._words).hexdigest()[:16].encode()
        self._values: dict[str, Any] = dict(compiled.params)
        self._places: Sequence[str] = compiled.positiontup or ()
        # PostgreSQL says of which type each place is; as text every value suits, whatever its size.
        self._formats = [PyFormat.TEXT] * len(self._places)

    def on(self, connection: Connection, **values: Any) -> tuple[Any, ...] | None:
        """Execute it with these values in its places; return the first row of the result, if it has any.

        Raises what psycopg raises.
        """
        adapter, given = Transformer(connection), self._values | values
        # The wrapper's signature forbids NULL, which libpq takes (PQexecParams in its documentation).
        sent = cast(list[Buffer], adapter.dump_sequence([given[place] for place in self._places], self._formats))
        result = self._result(connection, sent)
        if not result.ntuples:
            return None
        adapter.set_pgresult(result)
        return adapter.load_row(0, tuple)

    def _result(self, connection: Connection, sent: Sequence[Buffer]) -> PGresult:
        known = _prepared.setdefault(connection, set())
        try:
            if self._name not in known:
                self._prepare(connection)
                known.add(self._name)
            return _checked(connection, connection.pgconn.exec_prepared(self._name, sent))
        except psycopg.errors.InvalidSqlStatementName:
            # It is not there any more: psycopg lets go of everything prepared when it rolls back. Nothing has happened.
            known.clear()
            return _checked(connection, connection.pgconn.exec_params(self._words, sent))

    def _prepare(self, connection: Connection) -> None:
        with suppress(psycopg.errors.DuplicatePreparedStatement):  # the same one, by its name
            _checked(connection, connection.pgconn.prepare(self._name, self._words))


def _checked(connection: Connection, result: PGresult) -> PGresult:
    """Return the result, or raise the error that it is."""
    if result.status in _FINE:
        return result
    if connection.closed:
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)


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
