"""The one database (PostgreSQL): session, base class, naming of constraints, aware times."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ClauseElement, Connection, CursorResult, DateTime, Enum, LargeBinary, MetaData, String, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.orm import DeclarativeBase, registry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


metadata = MetaData(naming_convention=NAMING)
_types = registry(
    metadata=metadata,
    type_annotation_map={
        datetime: DateTime(timezone=True),
        bytes: LargeBinary(),
        str: String(),
        # Words are stored as they are spelled, in a plain text column: a new one needs no migration of a type.
        StrEnum: Enum(
            StrEnum, native_enum=False, length=16, values_callable=lambda words: [word.value for word in words]
        ),
    },
)


class Base(DeclarativeBase):
    """Base of every table. Times are aware and stored in UTC."""

    registry = _types


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


@contextmanager
def at_once() -> Iterator[Connection]:
    """Open a connection on which every statement is a transaction of its own: fewer ways to the database.

    For those whom somebody waits for. Nothing can be taken back, and the session knows nothing of it.
    """
    with db.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


class Spelled:
    """A statement as the driver takes it: SQLAlchemy would look through it, and its result, each time anew."""

    def __init__(self, statement: ClauseElement | str) -> None:
        clause = text(statement) if isinstance(statement, str) else statement
        compiled = clause.compile(dialect=dialect())  # type: ignore[no-untyped-call]
        self._words = str(compiled)
        self._values: dict[str, Any] = dict(compiled.params)

    def on(self, connection: Connection, **values: Any) -> CursorResult[Any]:
        """Execute it there, with these values in its places."""
        return connection.exec_driver_sql(self._words, self._values | values)


def kept(rule: str) -> dict[str, dict[str, str]]:
    """Return what tags a table, or a single column of it, with the rule that says how long its rows are kept (P7).

    `newsletter.retention` has the rules; a test finds the column that has none.
    """
    return {"info": {"retention": rule}}


def utcnow() -> datetime:
    """Return this process's time. For leases and due dates compare in SQL with `func.now()` instead."""
    return datetime.now(UTC)
