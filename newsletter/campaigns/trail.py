"""Campaigns in the audit trail: an entry begins with the public id, because the subject may change."""

from newsletter.campaigns import service
from newsletter.campaigns.models import Campaign
from newsletter.staff import audit

TEST = "campaign.test"


def name_of(campaign: Campaign) -> str:
    """Return how the audit trail calls a campaign."""
    return f"{service.public_id(campaign)} {campaign.subject}"


def note(action: str, campaign: Campaign) -> None:
    """Write down that the one who asks did `action` to the campaign, and commit."""
    audit.note(action, name_of(campaign))


def is_tested(campaign: Campaign) -> bool:
    """Return whether a test mail of it was sent, under whatever subject, in the time that the trail is kept."""
    return audit.has(TEST, service.public_id(campaign))
