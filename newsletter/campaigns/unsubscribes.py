"""How many left out of a campaign's mails: a number, and none that points at a person."""

from flask import current_app
from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.recipients.models import Departure


def number(campaign_id: int) -> int | None:
    """Return how many left by this campaign's links; None when that is withheld (1 to MEASUREMENT_MIN_GROUP - 1)."""
    left = db.session.execute(
        select(func.coalesce(func.sum(Departure.number), 0)).where(Departure.campaign_id == campaign_id)
    ).scalar_one()
    return int(left) if left == 0 or left >= current_app.config["MEASUREMENT_MIN_GROUP"] else None
