"""The audience: who gets a campaign is settled in one statement at the moment it starts."""

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert

from newsletter.campaigns.models import Campaign, Delivery
from newsletter.core.db import db
from newsletter.recipients import newsletters
from newsletter.recipients.models import Recipient

LOCK = 0x6E6C6175  # "nlau"
"""The advisory lock that keeps recipients' rows from being deleted (not from being emptied) during a snapshot: a
trigger takes it with every deletion. Locking the rows one by one would write each page of them anew."""


def count(newsletter_id: int) -> int:
    """Return how many would get a campaign now."""
    return newsletters.count_recipients(newsletter_id) - newsletters.count_restricted(newsletter_id)


def snapshot(campaign: Campaign) -> int:
    """Write one queued delivery per recipient, in the caller's transaction; return how many. Repeatable.

    Some microseconds a recipient. Who leaves at this very moment is left out, or is skipped when their turn comes.
    """
    db.session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    rows = (
        select(literal(campaign.id), Recipient.id)
        .where(
            Recipient.newsletter_id == campaign.newsletter_id,
            Recipient.address_sealed.is_not(None),
            Recipient.restricted_at.is_(None),
        )
        .order_by(Recipient.id)
    )
    written = insert(Delivery).from_select(["campaign_id", "recipient_id"], rows).on_conflict_do_nothing()
    return db.session.connection().execute(written, execution_options={"preserve_rowcount": True}).rowcount
