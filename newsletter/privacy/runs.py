"""What the rules of retention have done: when each was last enforced, and how much it has deleted (P7)."""

from datetime import datetime

from sqlalchemy import BigInteger, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db, kept


class RetentionRun(Model):
    """The last run of a rule: `deleted` rows then, and `total` in all runs."""

    __tablename__ = "retention_run"
    __table_args__ = kept("installation")

    name: Mapped[str] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)


def note(name: str, deleted: int) -> None:
    """Write down that the rule was enforced now, by the database's clock, and commit."""
    row = insert(RetentionRun).values(name=name, deleted=deleted, total=deleted)
    again = {"ran_at": func.now(), "deleted": row.excluded.deleted, "total": RetentionRun.total + row.excluded.deleted}
    db.session.execute(row.on_conflict_do_update(index_elements=[RetentionRun.name], set_=again))
    db.session.commit()


def every() -> dict[str, RetentionRun]:
    """Return the last run of every rule that ran."""
    return {run.name: run for run in db.session.execute(select(RetentionRun)).scalars()}
