"""How far the sending of a campaign is, how fast it goes, and when it may be done."""

import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core.db import db

LOOK_BACK_SECONDS = 30
SETTLED = ("sent", "failed", "skipped", "in_doubt")


@dataclass(frozen=True)
class Progress:
    """`counts` as `counts.counts` gives them; `per_minute` and `minutes_left` are None when nothing moves."""

    state: CampaignState
    counts: dict[str, int]
    done: int
    per_minute: int | None
    minutes_left: int | None


def progress(campaign: Campaign) -> Progress:
    """Return where the campaign stands now."""
    numbers = counts(campaign.id)
    done = sum(numbers[name] for name in SETTLED)
    per_minute = _per_minute(campaign) if campaign.state == CampaignState.SENDING else 0
    left = numbers["audience"] - done
    minutes_left = math.ceil(left / per_minute) if per_minute and left else None
    return Progress(campaign.state, numbers, done, per_minute or None, minutes_left)


def _per_minute(campaign: Campaign) -> int:
    """Return the pace of the last half minute, or since the start if that is less ago."""
    settled, seconds = db.session.execute(
        select(
            func.count(),
            func.least(LOOK_BACK_SECONDS, func.extract("epoch", func.now() - campaign.started_at)),
        ).where(
            Delivery.campaign_id == campaign.id,
            Delivery.state.in_((DeliveryState.SENT, DeliveryState.FAILED)),
            Delivery.updated_at > func.now() - timedelta(seconds=LOOK_BACK_SECONDS),
        )
    ).one()
    return int(settled * 60 / max(float(seconds), 1.0))
