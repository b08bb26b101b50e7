"""Deliveries shrink to their counts: who was sent what is forgotten, how many is not (P7).

`delivery_count` outlives the rows on purpose: no trigger takes a deleted delivery out of it.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select, update

from newsletter.campaigns.models import Campaign, CampaignState, Delivery
from newsletter.core.db import db

KEPT = timedelta(days=90)
"""From the end of a campaign on: that long staff can resend what was in doubt, and a bounce finds its delivery."""
AT_ONCE, MOST = 10_000, 100_000
"""Rows of one transaction, and of one call: other periodic work waits for it."""


def shrink() -> int:
    """Delete deliveries of the campaigns that ended `KEPT` ago or earlier, up to `MOST`; return how many. Commits."""
    deleted = 0
    for campaign_id in list(db.session.execute(select(Campaign.id).where(ended_before(KEPT))).scalars()):
        while deleted < MOST:
            number = _delete_some(campaign_id)
            deleted += number
            if not number:
                break
    return deleted


def ended_before(age: timedelta) -> ColumnElement[bool]:
    """Return the condition of campaigns that ended so long ago and still have deliveries, by the database's clock."""
    ended = Campaign.state.in_([CampaignState.SENT, CampaignState.CANCELLED])
    since = func.coalesce(Campaign.finished_at, Campaign.updated_at)
    return ended & (since < func.now() - age) & Campaign.shrunk_at.is_(None)


def _delete_some(campaign_id: int) -> int:
    some = select(Delivery.id).where(Delivery.campaign_id == campaign_id).limit(AT_ONCE)
    gone = db.session.execute(
        delete(Delivery)
        .where(Delivery.id.in_(some))
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not gone:
        # So that no later call has to look through all deliveries to learn that there is none.
        mark = update(Campaign).where(Campaign.id == campaign_id).values(shrunk_at=func.now())
        db.session.execute(mark.execution_options(synchronize_session=False))
    db.session.commit()
    return len(gone)
