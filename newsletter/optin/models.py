"""What is remembered so that nobody can be mailed in masses: digests of addresses, for a declared time, no address."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept


class ConfirmationMail(Model):
    """That a form had an address mailed, for 30 days or until the person confirms: to sign up, or to have another
    address, for a newsletter; the link to one's own data, for none.

    `wish` is the digest of the sign-up: the same one may be tried again. `address_digest` has a key of its own.
    """

    __tablename__ = "confirmation_mail"
    __table_args__ = (Index("ix_confirmation_mail_address_digest", "address_digest"), kept("restraint"))

    wish: Mapped[bytes] = mapped_column(primary_key=True)
    address_digest: Mapped[bytes]
    newsletter_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"))
    mailed_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class Unwanted(Model):
    """That the owner of an address said "That was not me", and until when the form has it mailed nothing."""

    __tablename__ = "unwanted"
    __table_args__ = kept("restraint")

    address_digest: Mapped[bytes] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(index=True)
