"""Whether each promise held when it was last checked: what the public page shows in short."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import SmallInteger, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db, kept


class PromiseCheck(Model):
    """The last check of promise 1 to 10."""

    __tablename__ = "promise_check"
    __table_args__ = kept("installation")

    promise: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    held: Mapped[bool]
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())


def note(verdicts: Mapping[int, bool]) -> None:
    """Write down which promises held just now, by the database's clock, and commit."""
    row = insert(PromiseCheck).values([{"promise": number, "held": held} for number, held in verdicts.items()])
    again = {"held": row.excluded.held, "checked_at": func.now()}
    db.session.execute(row.on_conflict_do_update(index_elements=[PromiseCheck.promise], set_=again))
    db.session.commit()


def every() -> dict[int, PromiseCheck]:
    """Return the last check of every promise that was checked."""
    return {check.promise: check for check in db.session.execute(select(PromiseCheck)).scalars()}
