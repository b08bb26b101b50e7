"""Tables of consent: wordings, stored once per version, receipts, which outlive the address, and their chain."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, text
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
    link good for one receipt, also after the person has left. `seal` vouches for what it says, `closing_seal`
    for its end; the links of the chain (by number) for both being there.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        Index("ix_receipt_delete_after", "delete_after", postgresql_where=text("delete_after IS NOT NULL")),
        Index("ix_receipt_written_unlinked", "id", postgresql_where=text("written_link IS NULL")),
        Index(
            "ix_receipt_closed_unlinked",
            "id",
            postgresql_where=text("closing_seal IS NOT NULL AND closed_link IS NULL"),
        ),
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
    seal: Mapped[bytes]
    closing_seal: Mapped[bytes | None]
    written_link: Mapped[int | None] = mapped_column(BigInteger)
    closed_link: Mapped[int | None] = mapped_column(BigInteger)


class ReceiptLink(Model):
    """A link of the chain: a digest over the receipts that were written or closed (`what`) since the one before.

    Its seal covers the seal of the link before, so that none can be changed, left out or put in later.
    """

    __tablename__ = "receipt_link"
    __table_args__ = kept("chain")

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    what: Mapped[str]
    size: Mapped[int]
    content: Mapped[bytes]
    seal: Mapped[bytes]


class ReceiptTombstone(Model):
    """What its links need of a receipt that was deleted when its time was up. Says nothing of whom or what."""

    __tablename__ = "receipt_tombstone"
    __table_args__ = kept("chain")

    receipt_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    written_link: Mapped[int | None] = mapped_column(BigInteger, index=True)
    seal: Mapped[bytes]
    closed_link: Mapped[int | None] = mapped_column(BigInteger, index=True)
    closing_seal: Mapped[bytes | None]
    tombstone_seal: Mapped[bytes]


class Document(Model):
    """A version of a text of the whole service, or of a newsletter, in force from a moment on, which may be ahead.

    `made` says that the text was made from the settings, and follows them.
    """

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("kind", "newsletter_id", "language", "version", postgresql_nulls_not_distinct=True),
        kept("texts"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    newsletter_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"), index=True)
    language: Mapped[str]
    version: Mapped[int]
    wording: Mapped[bytes] = mapped_column(ForeignKey("wording.digest"))
    in_force_at: Mapped[datetime] = mapped_column(server_default=func.now())
    made: Mapped[bool]
