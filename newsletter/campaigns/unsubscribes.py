"""How many left out of a campaign's mails: a number, and none that points at a person."""

from flask import current_app
from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.recipients.models import Departure
from newsletter.tracking.report import withheld

NOT_BY_LINK = ("bounce", "complaint")


def number(campaign_id: int) -> int | None:
    """Return how many left by this campaign's links; None when that is withheld, as opens and clicks are."""
    left = int(
        db.session.execute(
            select(func.coalesce(func.sum(Departure.number), 0)).where(
                Departure.campaign_id == campaign_id, Departure.way.not_in(NOT_BY_LINK)
            )
        ).scalar_one()
    )
    return None if withheld(left, current_app.config["MEASUREMENT_MIN_GROUP"]) else left
