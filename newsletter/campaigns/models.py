"""Tables of campaigns and deliveries, and the states they go through."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model


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
    """One issue of a newsletter, sent once. Its content can change only while it is a draft or scheduled."""

    __tablename__ = "campaign"

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


class Delivery(Model):
    """One campaign x one recipient, and its fate. The row stays when the recipient goes.

    `attempt` fences: a worker may mark only the attempt it claimed. `wired_at` is set and committed
    before the mail is put on the wire, so that after a crash it is known what may have gone.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        # Recipient first: the index also serves ON DELETE SET NULL.
        UniqueConstraint("recipient_id", "campaign_id"),
        Index("ix_delivery_due", "campaign_id", "id", postgresql_where=text("state IN ('queued', 'deferred')")),
        Index("ix_delivery_lease", "lease_until", postgresql_where=text("state = 'claimed'")),
        Index("ix_delivery_state", "campaign_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    recipient_id: Mapped[int | None] = mapped_column(ForeignKey("recipient.id", ondelete="SET NULL"))
    state: Mapped[DeliveryState] = mapped_column(server_default="queued")
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    lease_until: Mapped[datetime | None]
    wired_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    deferred_since: Mapped[datetime | None]
    deferrals: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    reply_status: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
