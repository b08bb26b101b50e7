"""Tables of campaigns and deliveries, and the states they go through."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept


class CampaignState(StrEnum):
    """The life of a campaign."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """The fate of one delivery. `in_doubt`: it was on the wire when a worker or the relay went away."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


class Campaign(Model):
    """One issue of a newsletter, sent once. Its content can change only while it is a draft or scheduled.

    `setbacks` counts the attempts in a row at which the relay was away, `not_before` is when the next one may begin.
    `last_outcomes` is the memory of the breaker: a bit for each of the last 50 mails, 1 for one that was refused.
    `shrunk_at` is when the last of its deliveries was deleted, and only their counts were left (`shrinking`).
    """

    __tablename__ = "campaign"
    __table_args__ = kept("content")

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id", ondelete="CASCADE"), index=True)
    subject: Mapped[str] = mapped_column(server_default="")
    preheader: Mapped[str] = mapped_column(server_default="")
    markdown: Mapped[str] = mapped_column(server_default="")
    state: Mapped[CampaignState] = mapped_column(server_default="draft", index=True)
    pause_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    setbacks: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    not_before: Mapped[datetime | None]
    last_outcomes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    shrunk_at: Mapped[datetime | None]


class Delivery(Model):
    """One campaign x one recipient, and its fate. The row stays when the recipient goes.

    `attempt` counts tries: claiming adds one, and giving back what was not tried takes it away again.
    `batch_id` is the batch that claimed it last, and fences: only that batch may say what became of it. Both
    references are kept by triggers: a foreign key would look at every single row of a snapshot. A recipient who goes
    is taken out of the deliveries, which go with their campaign.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        # Recipient first: the index also serves taking a recipient out.
        UniqueConstraint("recipient_id", "campaign_id"),
        # A row is in one of these at most, and in none once it is sent: each mail writes as little as can be.
        Index("ix_delivery_queued", "campaign_id", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_delivery_deferred", "campaign_id", "not_before", postgresql_where=text("state = 'deferred'")),
        Index("ix_delivery_claimed", "batch_id", postgresql_where=text("state = 'claimed'")),
        Index("ix_delivery_in_doubt", "campaign_id", postgresql_where=text("state = 'in_doubt'")),
        kept("deliveries"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign_id: Mapped[int]
    recipient_id: Mapped[int | None]
    state: Mapped[DeliveryState] = mapped_column(server_default="queued")
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    batch_id: Mapped[int | None] = mapped_column(BigInteger)
    not_before: Mapped[datetime | None]
    deferred_since: Mapped[datetime | None]
    deferrals: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    reply_status: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Batch(Model):
    """The deliveries that one worker has claimed together, by rising id, until its lease ends.

    `wired_through` is committed before a mail goes on the wire: of the claimed ones, those up to this id may have
    gone when the worker dies, and those behind it have not.
    """

    __tablename__ = "batch"
    __table_args__ = (Index("ix_batch_lease_until", "lease_until"), kept("work"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    lease_until: Mapped[datetime]
    wired_through: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class DeliveryCount(Model):
    """How many deliveries of a campaign are in a state. Triggers keep it, whoever changes a delivery.

    Each database connection adds to a row of its own (`slot`), so that no worker waits for another; a single row may
    be negative, their sum is the number.
    """

    __tablename__ = "delivery_count"
    __table_args__ = kept("figures")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class ProgressMark(Model):
    """How many deliveries of a campaign had their fate at a moment: two of these tell how fast it goes."""

    __tablename__ = "progress_mark"
    __table_args__ = kept("work")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.now())
    settled: Mapped[int] = mapped_column(BigInteger)


class CampaignReply(Model):
    """When the relay last gave a reply of this kind: code and status alone, because its text may hold an address."""

    __tablename__ = "campaign_reply"
    __table_args__ = kept("figures")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Refusal(Model):
    """The relay said that there is no such address. It is removed when the campaign has gone on well behind it.

    `settled` is how many deliveries had their fate when this was written.
    """

    __tablename__ = "refusal"
    __table_args__ = kept("recipients")

    # Recipient first: the index also serves ON DELETE CASCADE.
    recipient_id: Mapped[int] = mapped_column(ForeignKey("recipient.id", ondelete="CASCADE"), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    settled: Mapped[int] = mapped_column(BigInteger)


class Allowance(Model):
    """How many mails may go now under the limit `name`, as of `refilled_at`; see `rates`."""

    __tablename__ = "allowance"
    __table_args__ = kept("work")

    name: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float]
    refilled_at: Mapped[datetime] = mapped_column(server_default=func.now())
