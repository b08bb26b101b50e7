"""The outbox: mail that waits for the relay. A row holds ciphertext, and is gone once the relay took the mail."""

from datetime import datetime

from sqlalchemy import func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept


class OutboxMail(Model):
    """One waiting mail: which job sends it, and the sealed payload that only this job understands."""

    __tablename__ = "outbox_mail"
    __table_args__ = kept("outbox")

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    not_before: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
