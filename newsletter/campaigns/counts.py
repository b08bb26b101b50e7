"""How the deliveries of a campaign stand: one row has one fate, so the sum is the audience at any moment (P8)."""

from sqlalchemy import func, select

from newsletter.campaigns.models import Delivery, DeliveryState
from newsletter.core.db import db


def counts(campaign_id: int) -> dict[str, int]:
    """Return `audience` and the number of deliveries in each state, all from one snapshot."""
    query = select(Delivery.state, func.count()).where(Delivery.campaign_id == campaign_id).group_by(Delivery.state)
    found: dict[DeliveryState, int] = {state: number for state, number in db.session.execute(query)}  # noqa: C416  # a Row is no pair to mypy
    by_state = {state.value: found.get(state, 0) for state in DeliveryState}
    return {"audience": sum(by_state.values())} | by_state
