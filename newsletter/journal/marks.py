"""How far this database has come, noted in it and then in Redis: one that was set back to a backup is behind.

Not a count of entries: a backup from before a campaign went out must show, too, although nobody has left since.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select, text, update

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.errors import NewsletterError
from newsletter.core.installation import Installation

KEY = "journal:in-use"
UNFINISHED = "restoring"
"""A table that a restore makes with all the others and drops at its end."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


class Setback(NamedTuple):
    """The database is as it was at `back_to` (None: before it had marks), and was in use until `until`."""

    until: datetime
    back_to: datetime | None


class Unfinished(NewsletterError):
    """A restore was interrupted between the tables and the journal: nobody may use this database yet."""


def went_back() -> Setback | None:
    """Return since when the database is behind what Redis knows; None when it is not, or Redis knows nothing.

    Reads only. Raises `RedisError`, `SQLAlchemyError`, or `Unfinished`.
    """
    known = in_redis()  # before the database's, which is never behind by itself
    there = in_database()
    return Setback(known, there) if known is not None and (there is None or there < known) else None


def in_database() -> datetime | None:
    """Return the database's own mark; raise `Unfinished`."""
    query = select(Installation.in_use_at, func.to_regclass(UNFINISHED).is_not(None))
    there, unfinished = db.session.execute(query).one()
    if unfinished:
        raise Unfinished("A restore was interrupted. Please run `newsletter restore` again, to its end.")
    found: datetime | None = there
    return found


def in_redis() -> datetime | None:
    """Return the mark in Redis, None when it has none."""
    octets = queues.redis().get(KEY)
    return _EPOCH + int(octets) * _STEP if isinstance(octets, bytes) else None


def move(beyond: datetime | None = None) -> datetime:
    """Move the database's mark on to now, and behind `beyond`; commit, and return it.

    The commit waits for the disk, also where others do not: Redis must never be ahead by itself.
    """
    db.session.execute(text("SET LOCAL synchronous_commit = on"))
    later = [func.clock_timestamp(), Installation.in_use_at + _STEP, *([beyond + _STEP] if beyond else [])]
    moved = update(Installation).values(in_use_at=func.greatest(*later)).returning(Installation.in_use_at)
    mark: datetime = db.session.execute(moved.execution_options(synchronize_session=False)).scalar_one()  # type: ignore[assignment]
    db.session.commit()
    return mark


def tell_redis(mark: datetime) -> None:
    """Note in Redis how far the database has come; raise `RedisError`."""
    queues.redis().set(KEY, (mark - _EPOCH) // _STEP)
