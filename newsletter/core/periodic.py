"""Periodic work that runs once, however many workers there are: whoever moves the row does the work."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db, kept

SILENT_AFTER = timedelta(seconds=60)
"""A worker takes up periodic work every two seconds; one that has not for so long is not there."""


class PeriodicTask(Model):
    """When a periodic task was last taken up."""

    __tablename__ = "periodic_task"
    __table_args__ = kept("installation")

    name: Mapped[str] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime | None]


def take(name: str, every: timedelta) -> bool:
    """Return whether this process is to run `name` now; of several that ask, one per interval is told yes.

    Commits. The clock is the database's.
    """
    taken = db.session.execute(
        update(PeriodicTask)
        .where(PeriodicTask.name == name)
        .where(or_(PeriodicTask.taken_at.is_(None), PeriodicTask.taken_at <= func.now() - every))
        .values(taken_at=func.now())
        .returning(PeriodicTask.name)
    ).first()
    if taken is None:  # a task that was never taken up is due at once
        first = insert(PeriodicTask).values(name=name, taken_at=func.now()).on_conflict_do_nothing()
        taken = db.session.execute(first.returning(PeriodicTask.name)).first()
    db.session.commit()
    return taken is not None


def silent_seconds() -> float | None:
    """Return how long ago any worker took up periodic work, by the database's clock; None for never."""
    silent = func.extract("epoch", func.now() - func.max(PeriodicTask.taken_at))
    seconds = db.session.execute(select(silent)).scalar_one()
    return None if seconds is None else float(seconds)


def is_worker_there() -> bool:
    """Return whether some worker is at work. RQ's own list goes on naming a killed one for minutes."""
    silent = silent_seconds()
    return silent is not None and silent < SILENT_AFTER.total_seconds()
