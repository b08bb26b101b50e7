"""How things stand: what is sealed with which key, which keys are missing, and when an old secret may be taken away."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select, text

from newsletter.core import kept_keys
from newsletter.core.db import db
from newsletter.core.sealing import key_names
from newsletter.privacy import seals
from newsletter.privacy.models import Receipt
from newsletter.rotation.columns import COLUMNS, Sealed

SAMPLE = 100
LOGIN_HOURS = 24
"""A one-time login of the staff is good for so long, a session for half of it."""


@dataclass(frozen=True)
class Standing:
    """Of the values of a column: how many are sealed with the current key, with an older one, with one not known."""

    column: Sealed
    current: int
    older: int
    missing: int


def every() -> list[Standing]:
    """Return how each column stands. Reads each table once."""
    return [_of(column) for column in COLUMNS]


def _of(column: Sealed) -> Standing:
    current, *older = key_names(column.purpose)
    name = f"substring({column.column} FROM 1 FOR 4)"
    query = text(
        f"SELECT count(*) FILTER (WHERE {name} = :current), count(*) FILTER (WHERE {name} = ANY(:older)),"  # noqa: S608
        f" count(*) FILTER (WHERE {name} <> :current AND {name} <> ALL(:older)) FROM {column.table}"
    )
    row = db.session.execute(query, {"current": current, "older": older}).one()
    return Standing(column, *row)


def receipts_not_vouched_for() -> int:
    """Return how many of the oldest receipts no key of ours has sealed: they were changed, or a key is missing."""
    columns = [getattr(Receipt, name) for name in (*seals.WRITTEN, "seal")]
    rows = db.session.execute(select(*columns).order_by(Receipt.id).limit(SAMPLE)).mappings()
    return sum(not seals.holds("written", dict(row), row["seal"]) for row in rows)


def needless_from() -> datetime | None:
    """Return from when on nothing needs SECRET_KEY_FALLBACKS, if all was sealed anew; None while keys are to be kept.

    Links to confirm, which hold what they were sealed with, and logins of the staff run out first.
    """
    since = kept_keys.kept_since()
    hours = max(int(current_app.config["CONFIRMATION_HOURS"]), LOGIN_HOURS)
    return since + timedelta(hours=hours) if since else None
