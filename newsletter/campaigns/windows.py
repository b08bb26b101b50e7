"""Which campaigns may send at this moment: being sent, their delivery window open, the relay not left alone."""

from sqlalchemy import Select, func, or_, select, text

from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.recipients.models import Newsletter

_CLOCK = r"to_char(now() AT TIME ZONE newsletter.time_zone, 'HH24\:MI')"
# For statements that read the table `newsletter`; `\:` is how SQLAlchemy's text() spells a colon.
OPEN = f"""
    CASE WHEN newsletter.send_from = '' THEN true
         WHEN newsletter.send_from < newsletter.send_until
         THEN {_CLOCK} >= newsletter.send_from AND {_CLOCK} < newsletter.send_until
         ELSE {_CLOCK} >= newsletter.send_from OR {_CLOCK} < newsletter.send_until END
"""


def sendable() -> Select[int]:
    """Return the query for the ids of the campaigns of which a worker may begin to send."""
    return (
        select(Campaign.id)
        .join(Newsletter, Newsletter.id == Campaign.newsletter_id)
        .where(Campaign.state == CampaignState.SENDING, text(OPEN))
        .where(or_(Campaign.not_before.is_(None), Campaign.not_before <= func.now()))
    )
