"""How many left out of a campaign's mails: a number, and none that points at a person."""

from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.recipients.models import Departure
from newsletter.tracking import steps

NOT_BY_LINK = ("bounce", "complaint")


def number(campaign_id: int, delivered: int) -> int | None:
    """Return how many left by this campaign's links, in steps as opens and clicks are; None when that is withheld."""
    left = int(
        db.session.execute(
            select(func.coalesce(func.sum(Departure.number), 0)).where(
                Departure.campaign_id == campaign_id, Departure.way.not_in(NOT_BY_LINK)
            )
        ).scalar_one()
    )
    return steps.shown(left, delivered, steps.size())
