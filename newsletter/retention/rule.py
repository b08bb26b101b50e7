"""What a rule says of something that is kept, and on which legal bases things are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from newsletter.core.db import db
from newsletter.core.i18n import N_

HOUR = timedelta(hours=1)
OWN_INTEREST = N_("legitimate interest (Art. 6 (1) (f) GDPR)")
CONSENT = N_("consent (Art. 6 (1) (a) GDPR)")
NO_PERSON = N_("no personal data")
Count = Callable[[timedelta], int]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is kept, for what purpose, on which legal basis, how long, and how it is deleted.

    `enforce` deletes what is due, commits and returns how many rows or entries that were; it is called once in `every`.
    `overdue` counts what is there longer than declared and so much. Rules without `enforce` need no job of their own.
    """

    name: str
    what: str
    purpose: str
    basis: str
    period: str
    ending: str
    every: timedelta = HOUR
    enforce: Callable[[], int] | None = None
    overdue: Count | None = None


def count_if(column: Any, condition: Callable[[timedelta], ColumnElement[bool]]) -> Count:
    """Return what counts the rows that meet the condition, which is told how much longer than declared it looks for."""

    def count(longer: timedelta) -> int:
        query = select(func.count(column)).where(condition(longer))
        return int(db.session.execute(query).scalar_one())

    return count
