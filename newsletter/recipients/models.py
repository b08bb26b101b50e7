"""Tables of newsletters, recipients and departures."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept


class Measurement(StrEnum):
    """Who of a newsletter's recipients is measured: everyone who does not object, who agreed, or nobody."""

    ALL = "all"
    ASK = "ask"
    OFF = "off"


class Newsletter(Model):
    """What one subscribes to.

    `send_from` and `send_until` are times of day in `time_zone`, like 08:00, between which its campaigns are sent; both
    are empty when that is always. `mails_per_second` is None without a limit. From `next_consent_at` on, if
    there is such a time, `next_consent_text` counts instead of `consent_text`.
    """

    __tablename__ = "newsletter"
    __table_args__ = kept("content")

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(server_default="de")
    from_name: Mapped[str]
    from_address: Mapped[str]
    reply_to: Mapped[str] = mapped_column(server_default="")
    imprint: Mapped[str] = mapped_column(server_default="")
    consent_text: Mapped[str] = mapped_column(server_default="")
    next_consent_text: Mapped[str] = mapped_column(server_default="")
    next_consent_at: Mapped[datetime | None]
    measurement: Mapped[Measurement] = mapped_column(server_default="all")
    accent: Mapped[str] = mapped_column(server_default="#0b5c8a")
    time_zone: Mapped[str] = mapped_column(server_default="Europe/Berlin")
    send_from: Mapped[str] = mapped_column(server_default="")
    send_until: Mapped[str] = mapped_column(server_default="")
    mails_per_second: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Recipient(Model):
    """A confirmed person on one newsletter: one row, one consent, one address.

    Address and name are sealed; the digest finds the row and keeps it unique. `link_key` is what this
    row's links carry, so that they die with it. A row without address is a tombstone: the person has
    left while a worker held the row, and the next sweep deletes it. Since `restricted_at` the person wishes to be
    neither mailed nor measured (Art. 18 GDPR). Links to the preferences from before `address_changed_at` were
    mailed to another address.
    """

    __tablename__ = "recipient"
    __table_args__ = (
        # Partial, so that no foreign key could use it: only then may a tombstone empty the columns while a
        # sender holds the row FOR KEY SHARE (PostgreSQL takes FOR UPDATE for a column of a full unique index).
        Index(
            "uq_recipient_newsletter_id_address_digest",
            "newsletter_id",
            "address_digest",
            unique=True,
            postgresql_where=text("address_digest IS NOT NULL"),
        ),
        Index("ix_recipient_tombstone", "id", postgresql_where=text("address_sealed IS NULL")),
        # The audience of a campaign, and an export, in order and without a look at the rows of other newsletters.
        Index("ix_recipient_reachable", "newsletter_id", "id", postgresql_where=text("address_sealed IS NOT NULL")),
        Index("ix_recipient_restricted", "newsletter_id", postgresql_where=text("restricted_at IS NOT NULL")),
        kept("recipients"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"))
    address_sealed: Mapped[bytes | None]
    address_digest: Mapped[bytes | None] = mapped_column(index=True)
    name_sealed: Mapped[bytes | None]
    link_key: Mapped[bytes] = mapped_column(unique=True)
    language: Mapped[str]
    measured: Mapped[bool]
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id", ondelete="SET NULL"), index=True)
    confirmed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    restricted_at: Mapped[datetime | None]
    address_changed_at: Mapped[datetime | None]


class Objection(Model):
    """Someone does not want to be measured (any more), and mails that they have got already may still do it.

    The worker sees to these within seconds (`campaigns.silencing`). No foreign key on purpose: who leaves right
    afterwards has objected all the same.
    """

    __tablename__ = "objection"
    __table_args__ = kept("measurement")

    recipient_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"))


class RecipientCount(Model):
    """How many recipients a newsletter has, tombstones left out. Triggers keep it, whoever changes a recipient.

    Each database connection adds to a row of its own (`slot`), so that nobody waits for an import; a single row may
    be negative, their sum is the number.
    """

    __tablename__ = "recipient_count"
    __table_args__ = kept("figures")

    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Departure(Model):
    """How many left a newsletter on a day, by which way and out of which campaign: numbers, no persons."""

    __tablename__ = "departure"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "campaign_id", "day", "way", postgresql_nulls_not_distinct=True),
        kept("figures"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), index=True)
    day: Mapped[date] = mapped_column(server_default=func.current_date())
    way: Mapped[str]
    number: Mapped[int] = mapped_column(server_default=text("0"))
