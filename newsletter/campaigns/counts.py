"""How the deliveries of a campaign stand: one row has one fate, so the sum is the audience at any moment (P8)."""

from collections.abc import Sequence

from sqlalchemy import func, select

from newsletter.campaigns.models import Delivery, DeliveryState
from newsletter.core.db import db


def counts(campaign_id: int) -> dict[str, int]:
    """Return `audience` and the number of deliveries in each state, all from one snapshot."""
    return counts_of([campaign_id])[campaign_id]


def counts_of(campaign_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return what `counts` says of each of the campaigns, by its id."""
    rows = db.session.execute(
        select(Delivery.campaign_id, Delivery.state, func.count())
        .where(Delivery.campaign_id.in_(campaign_ids))
        .group_by(Delivery.campaign_id, Delivery.state)
    ).all()
    found = {campaign_id: dict.fromkeys(map(str, DeliveryState), 0) for campaign_id in campaign_ids}
    for campaign_id, state, number in rows:
        found[campaign_id][state.value] = number
    return {campaign_id: {"audience": sum(states.values())} | states for campaign_id, states in found.items()}
