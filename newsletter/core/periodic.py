"""Periodic work that runs once, however many workers there are: whoever moves the row does the work."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db


class PeriodicTask(Model):
    """When a periodic task was last taken up."""

    __tablename__ = "periodic_task"

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
    if taken is None:
        db.session.execute(insert(PeriodicTask).values(name=name).on_conflict_do_nothing())
    db.session.commit()
    return taken is not None
