"""The table of the audit trail, and what is forgotten of staff. Apart from the accounts, so that a worker can do it
without Flask-Security."""

from datetime import datetime, timedelta

from sqlalchemy import Boolean, DateTime, Integer, column, delete, func, select, table
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db, kept

KEPT = timedelta(days=90)
_staff = table("staff", column("id", Integer), column("active", Boolean), column("closed_at", DateTime(timezone=True)))


class AuditEntry(Model):
    """Who of the staff did what to which thing. Never holds a subscriber's data.

    `reason` is why someone looked at a person's data (`looks.Reason`), and `remark` what they added; or else empty.
    """

    __tablename__ = "audit_entry"
    __table_args__ = kept("audit")

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    reason: Mapped[str | None]
    remark: Mapped[str] = mapped_column(server_default="")


def forget_old() -> int:
    """Delete what is older than `KEPT` by the database's clock, commit, and return how many entries it was (P7)."""
    gone = db.session.execute(
        delete(AuditEntry).where(AuditEntry.at < func.now() - KEPT).returning(AuditEntry.id)
    ).all()
    db.session.commit()
    return len(gone)


def overdue_accounts(longer: timedelta) -> int:
    """Return how many accounts were closed `KEPT` and so much longer ago, and are still there."""
    closed = select(func.count(_staff.c.id)).where(~_staff.c.active, _staff.c.closed_at < func.now() - KEPT - longer)
    return db.session.execute(closed).scalar_one()


def forget_closed() -> int:
    """Delete the accounts that were closed `KEPT` ago or earlier, commit, and return how many they were (P7)."""
    closed = delete(_staff).where(~_staff.c.active, _staff.c.closed_at < func.now() - KEPT)
    gone = db.session.execute(closed.returning(_staff.c.id)).all()
    db.session.commit()
    return len(gone)
