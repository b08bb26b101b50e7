"""Long lists, a page at a time, newest first. A page begins at an id: however far back, it costs the same."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from newsletter.core.db import db

T = TypeVar("T")
LARGEST = 2**31 - 1
"""PostgreSQL's integer: what is beyond comes from somebody who makes up addresses."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and whether there are older ones."""

    rows: list[T]
    has_older: bool


def page(query: Select[T], key: InstrumentedAttribute[Any], size: int | None, before: int | None) -> Page[T]:
    """Return up to `size` rows (all without one) by falling `key`, those below `before` if it is given."""
    if before is not None:
        query = query.where(key < max(0, min(before, LARGEST)))
    one_more = None if size is None else size + 1
    rows = list(db.session.execute(query.order_by(key.desc()).limit(one_more)).scalars())
    return Page(rows[:size], size is not None and len(rows) > size)
