"""The copy of the journal in Redis, which a restored database does not take back. Redis may lose it: it is refilled.

One string of packed entries per day, which expires by itself: 41 octets an entry, and twice the same does no harm.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from flask import current_app
from sqlalchemy import func, select, update

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.journal import entries, marks
from newsletter.journal.models import Entry, JournalEntry, Kind

DAYS = "journal:day:"
LOCK = 0x6E6C6A6F  # "nljo"
AT_ONCE = 10_000
"""Entries in one command: 400 kB, which Redis takes well within a second."""
LONGER = timedelta(days=2)
_PACKED = struct.Struct(">Bq32s")
_KINDS = tuple(Kind)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def keep() -> marks.Setback | None:
    """Copy to Redis what is new, all of it where Redis has lost something, and move both marks on. Commits.

    A database that is behind Redis is left alone, and said to be so. Raises `RedisError`, `SQLAlchemyError`.
    """
    if not db.session.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one():
        return None
    setback = marks.went_back()
    if setback is not None:
        return setback
    if marks.in_redis() == marks.in_database():
        write(_new())
    else:
        refill()
    marks.tell_redis(marks.move())
    return None


def refill() -> None:
    """Write the whole journal to Redis anew. The caller commits."""
    old = list(queues.redis().scan_iter(f"{DAYS}*"))
    if old:
        queues.redis().delete(*old)
    db.session.execute(update(JournalEntry).where(~JournalEntry.copied).values(copied=True))
    write(entries.every())


def write(what: Sequence[Entry]) -> None:
    """Add entries to those in Redis."""
    keep_for = timedelta(days=current_app.config["BACKUP_KEEP_DAYS"]) + LONGER
    for start in range(0, len(what), AT_ONCE):
        with queues.redis().pipeline() as pipe:
            for day, some in groupby(what[start : start + AT_ONCE], key=lambda entry: entry.at.astimezone(UTC).date()):
                key = f"{DAYS}{day}"
                pipe.append(key, b"".join(map(_pack, some)))
                pipe.expireat(key, datetime(day.year, day.month, day.day, tzinfo=UTC) + keep_for)
            pipe.execute()


def read() -> list[Entry]:
    """Return all entries in Redis, some twice."""
    found: list[Entry] = []
    for key in queues.redis().scan_iter(f"{DAYS}*"):
        octets = queues.redis().get(key)
        if isinstance(octets, bytes):
            found += [_unpack(*packed) for packed in _PACKED.iter_unpack(octets)]
    return found


def _new() -> list[Entry]:
    new = update(JournalEntry).where(~JournalEntry.copied).values(copied=True)
    rows = db.session.execute(new.returning(JournalEntry.kind, JournalEntry.digest, JournalEntry.at))
    return sorted((Entry(*row) for row in rows), key=lambda entry: entry.at)


def _pack(entry: Entry) -> bytes:
    return _PACKED.pack(_KINDS.index(entry.kind), (entry.at - _EPOCH) // _MICROSECOND, entry.digest)


def _unpack(kind: int, microseconds: int, digest: bytes) -> Entry:
    return Entry(_KINDS[kind], digest, _EPOCH + microseconds * _MICROSECOND)
