"""How far the sending of a campaign is, how fast it goes, and when it may be done."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from newsletter.campaigns.counts import counts, counts_of
from newsletter.campaigns.models import Campaign, CampaignState, ProgressMark
from newsletter.core.db import db, utcnow
from newsletter.recipients import hours
from newsletter.recipients.models import Newsletter

LOOK_BACK = timedelta(seconds=30)
SETTLED = ("sent", "failed", "skipped", "in_doubt")


@dataclass(frozen=True)
class Progress:
    """`counts` as `counts.counts` gives them; `per_minute` and `minutes_left` are None when nothing moves.

    `opens_at` is when the delivery window opens that is closed now, `again_at` when the relay is tried again.
    """

    state: CampaignState
    counts: dict[str, int]
    done: int
    per_minute: int | None
    minutes_left: int | None
    opens_at: datetime | None = None
    again_at: datetime | None = None


def progress(campaign: Campaign) -> Progress:
    """Return where the campaign stands now."""
    numbers = counts(campaign.id)
    done = _settled(numbers)
    per_minute = _per_minute(campaign, done) if campaign.state == CampaignState.SENDING else 0
    left = numbers["audience"] - done
    minutes_left = math.ceil(left / per_minute) if per_minute and left else None
    opens_at = again_at = None
    if campaign.state == CampaignState.SENDING:
        newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
        opens_at = hours.opens_at(newsletter, utcnow())
        again_at = campaign.not_before if campaign.not_before and campaign.not_before > utcnow() else None
    return Progress(campaign.state, numbers, done, per_minute or None, minutes_left, opens_at, again_at)


def _settled(numbers: dict[str, int]) -> int:
    return sum(numbers[name] for name in SETTLED)


def _per_minute(campaign: Campaign, done: int) -> int:
    """Return the pace of the last half minute, or since the start if that is less ago."""
    before = db.session.execute(
        select(ProgressMark.settled, func.extract("epoch", func.now() - ProgressMark.at))
        .where(ProgressMark.campaign_id == campaign.id, ProgressMark.at > func.now() - LOOK_BACK)
        .order_by(ProgressMark.at)
        .limit(1)
    ).first()
    if before is None:
        return 0
    return round((done - before[0]) * 60 / max(float(before[1]), 1.0))


def begin(campaign_id: int) -> None:
    """Note that a campaign begins, in the caller's transaction: so that its pace is known soon."""
    db.session.execute(insert(ProgressMark).values(campaign_id=campaign_id, settled=0))


def note() -> None:
    """Note how far every campaign that is being sent has come, and forget what nobody looks back at. Commits."""
    sending = select(Campaign.id).where(Campaign.state == CampaignState.SENDING)
    ids = list(db.session.execute(sending).scalars())
    db.session.execute(delete(ProgressMark).where(ProgressMark.at < func.now() - LOOK_BACK))
    if ids:
        rows = [{"campaign_id": key, "settled": _settled(numbers)} for key, numbers in counts_of(ids).items()]
        db.session.execute(insert(ProgressMark).values(rows).on_conflict_do_nothing())
    db.session.commit()
