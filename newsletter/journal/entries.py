"""The journal in the database: read, united with entries from elsewhere, kept as long as the oldest backup."""

from collections.abc import Iterable
from datetime import timedelta

from flask import current_app
from sqlalchemy import ColumnElement, delete, func, select, text

from newsletter.core.db import db
from newsletter.journal import backups
from newsletter.journal.models import Entry, JournalEntry

_ROW = (JournalEntry.kind, JournalEntry.digest, JournalEntry.at)
_MERGE = text("""
    INSERT INTO journal (kind, digest, at)
    SELECT kind, digest, max(at)
    FROM unnest(CAST(:kinds AS text[]), CAST(:digests AS bytea[]), CAST(:times AS timestamptz[])) AS e(kind, digest, at)
    GROUP BY kind, digest
    ON CONFLICT (digest, kind) DO UPDATE SET at = excluded.at, copied = false WHERE journal.at < excluded.at
""")


def every() -> list[Entry]:
    """Return all entries, oldest first. A hundred thousand are some 20 MB."""
    return [Entry(*row) for row in db.session.execute(select(*_ROW).order_by(JournalEntry.at))]


def merge(entries: Iterable[Entry]) -> None:
    """Add entries of another store; of one that is in both, the later time counts. The caller commits."""
    kinds, digests, times = zip(*entries, strict=True) if (entries := list(entries)) else ((), (), ())
    values = {"kinds": [kind.value for kind in kinds], "digests": list(digests), "times": list(times)}
    db.session.execute(_MERGE, values)


def forget_old() -> int:
    """Delete the entries that every backup knows by itself, commit, and return how many they were."""
    old = delete(JournalEntry).where(_outlived(timedelta()))
    gone = db.session.execute(old.returning(JournalEntry.kind).execution_options(synchronize_session=False)).all()
    db.session.commit()
    return len(gone)


def overdue(longer: timedelta) -> int:
    """Return how many entries are there for so much longer than a backup needs them."""
    return db.session.execute(select(func.count(JournalEntry.digest)).where(_outlived(longer))).scalar_one()


def _outlived(longer: timedelta) -> ColumnElement[bool]:
    keep = timedelta(days=current_app.config["BACKUP_KEEP_DAYS"])
    oldest = func.least(func.now() - keep, backups.oldest().scalar_subquery())
    return JournalEntry.at < oldest - longer
