"""The list of campaigns, a page at a time."""

from sqlalchemy import select

from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core import paging
from newsletter.core.paging import Page
from newsletter.recipients.models import Newsletter

AT_ONCE = 50


def page(
    newsletter: Newsletter | None = None, state: str = "", before: int | None = None, size: int | None = AT_ONCE
) -> Page[Campaign]:
    """Return campaigns, newest first: of one newsletter and in one state if given, and older than `before`."""
    if state not in ("", *CampaignState):
        return Page([], has_older=False)
    query = select(Campaign)
    if newsletter is not None:
        query = query.where(Campaign.newsletter_id == newsletter.id)
    if state:
        query = query.where(Campaign.state == CampaignState(state))
    return paging.page(query, Campaign.id, size, before)
