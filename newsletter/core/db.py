"""The one database (PostgreSQL): session, base class, naming of constraints, aware times."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Enum, LargeBinary, MetaData, String
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


def kept(rule: str) -> dict[str, dict[str, str]]:
    """Return what tags a table, or a single column of it, with the rule that says how long its rows are kept (P7).

    `newsletter.retention` has the rules; a test finds the column that has none.
    """
    return {"info": {"retention": rule}}


def utcnow() -> datetime:
    """Return this process's time. For leases and due dates compare in SQL with `func.now()` instead."""
    return datetime.now(UTC)
