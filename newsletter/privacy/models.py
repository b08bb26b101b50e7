"""Tables of consent: wordings, stored once per version, and receipts, which outlive the address."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept


class Wording(Model):
    """A text that a person was shown, named by the SHA-256 of its kind, language and words."""

    __tablename__ = "wording"
    __table_args__ = kept("texts")

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str]
    language: Mapped[str]
    text: Mapped[str]
    first_used_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Receipt(Model):
    """The proof of one consent (Art. 7(1) GDPR): what, when asked, when mailed, when confirmed, by which way.

    The person is named by a digest under a key of its own only; `signup_digest` makes a confirmation
    link good for one receipt, also after the person has left.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        Index("ix_receipt_delete_after", "delete_after", postgresql_where=text("delete_after IS NOT NULL")),
        kept("receipts"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter.id", ondelete="SET NULL"))
    newsletter_slug: Mapped[str]
    address_digest: Mapped[bytes] = mapped_column(index=True)
    signup_digest: Mapped[bytes] = mapped_column(unique=True)
    consent_wording: Mapped[bytes] = mapped_column(ForeignKey("wording.digest"))
    privacy_wording: Mapped[bytes | None] = mapped_column(ForeignKey("wording.digest"))
    language: Mapped[str]
    source: Mapped[str]
    method: Mapped[str]
    measurement: Mapped[str]
    requested_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    delete_after: Mapped[datetime | None]
