"""How many left out of a campaign's mails: a number, and none that points at a person."""

from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.recipients.models import Departure
from newsletter.tracking import steps
from newsletter.tracking.exact import withheld

NOT_BY_LINK = ("bounce", "complaint")


def number(campaign_id: int, delivered: int) -> int | None:
    """Return how many left by this campaign's links, in steps as opens and clicks are; None when that is withheld."""
    return steps.shown(_left(campaign_id), delivered, steps.size())


def exact(campaign_id: int) -> int | None:
    """Return the same for programs; None when that is withheld."""
    left = _left(campaign_id)
    return None if withheld(left, steps.size()) else left


def _left(campaign_id: int) -> int:
    left = select(func.coalesce(func.sum(Departure.number), 0)).where(
        Departure.campaign_id == campaign_id, Departure.way.not_in(NOT_BY_LINK)
    )
    return int(db.session.execute(left).scalar_one())
