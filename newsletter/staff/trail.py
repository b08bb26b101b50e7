"""The table of the audit trail. Apart from the accounts, so that a worker can keep it short without Flask-Security."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db

KEPT = timedelta(days=90)


class AuditEntry(Model):
    """Who of the staff did what to which thing. Never holds a subscriber's data."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]


def forget_old() -> None:
    """Delete what is older than `KEPT` by the database's clock, and commit (P7)."""
    db.session.execute(delete(AuditEntry).where(AuditEntry.at < func.now() - KEPT))
    db.session.commit()
