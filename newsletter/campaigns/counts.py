"""How the deliveries of a campaign stand: one row has one fate, so the sum is the audience at any moment (P8).

Nothing is counted here: triggers keep the numbers as deliveries change, in the same transaction.
"""

from collections.abc import Sequence

from sqlalchemy import func, select

from newsletter.campaigns.models import DeliveryCount, DeliveryState
from newsletter.core.db import db


def counts(campaign_id: int) -> dict[str, int]:
    """Return `audience` and the number of deliveries in each state, all from one snapshot."""
    return counts_of([campaign_id])[campaign_id]


def counts_of(campaign_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return what `counts` says of each of the campaigns, by its id."""
    rows = db.session.execute(
        select(DeliveryCount.campaign_id, DeliveryCount.state, func.sum(DeliveryCount.number))
        .where(DeliveryCount.campaign_id.in_(campaign_ids))
        .group_by(DeliveryCount.campaign_id, DeliveryCount.state)
    ).all()
    found = {campaign_id: dict.fromkeys(map(str, DeliveryState), 0) for campaign_id in campaign_ids}
    for campaign_id, state, number in rows:
        found[campaign_id][state] = int(number)
    return {campaign_id: {"audience": sum(states.values())} | states for campaign_id, states in found.items()}
