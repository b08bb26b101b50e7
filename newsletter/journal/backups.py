"""Which backups there are, as far as this service made them: the platform's own it can't know."""

from datetime import datetime, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from newsletter.core.db import db
from newsletter.journal.models import Backup


def note(path: Path) -> None:
    """Write down that a backup was made now, and commit."""
    row = insert(Backup).values(path=str(path), taken_at=func.now())
    db.session.execute(row.on_conflict_do_update(index_elements=[Backup.path], set_={"taken_at": func.now()}))
    db.session.commit()


def oldest() -> Select[datetime | None]:
    """Return what asks for the time of the oldest backup; NULL when none is known."""
    return select(func.min(Backup.taken_at))


def oldest_at() -> datetime | None:
    """Return the time of the oldest backup, None when none is known."""
    return db.session.execute(oldest()).scalar_one()


def directories() -> set[Path]:
    """Return where backups were written."""
    return {Path(path).parent for path in db.session.execute(select(Backup.path)).scalars()}


def forget(path: Path) -> None:
    """Note that a backup is gone. The caller commits."""
    db.session.execute(delete(Backup).where(Backup.path == str(path)))


def forget_old() -> int:
    """Note that those are gone which are older than allowed, and commit; return how many."""
    old = delete(Backup).where(_older(timedelta())).returning(Backup.path)
    gone = db.session.execute(old.execution_options(synchronize_session=False)).all()
    db.session.commit()
    return len(gone)


def overdue(longer: timedelta) -> int:
    """Return how many known backups are older than BACKUP_KEEP_DAYS and so much."""
    return db.session.execute(select(func.count(Backup.path)).where(_older(longer))).scalar_one()


def _older(longer: timedelta) -> ColumnElement[bool]:
    keep = timedelta(days=current_app.config["BACKUP_KEEP_DAYS"])
    return Backup.taken_at < func.now() - keep - longer
