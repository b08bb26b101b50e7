"""The audience: who gets a campaign is settled in one statement at the moment it starts."""

from sqlalchemy import Select, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from newsletter.campaigns.models import Campaign, Delivery
from newsletter.core.db import db
from newsletter.recipients.models import Recipient


def count(newsletter_id: int) -> int:
    """Return how many would get a campaign now."""
    return db.session.execute(select(func.count()).select_from(_reachable(newsletter_id).subquery())).scalar_one()


def snapshot(campaign: Campaign) -> int:
    """Write one queued delivery per recipient, in the caller's transaction; return how many. Repeatable."""
    # Held as the foreign key would hold them anyway: who leaves at this very moment is left out, or waits.
    rows = (
        _reachable(campaign.newsletter_id)
        .with_only_columns(literal(campaign.id), Recipient.id)
        .order_by(Recipient.id)
        .with_for_update(read=True, key_share=True)
    )
    written = (
        insert(Delivery)
        .from_select(["campaign_id", "recipient_id"], rows)
        .on_conflict_do_nothing()
        .returning(Delivery.id)
        .cte()
    )
    return db.session.execute(select(func.count()).select_from(written)).scalar_one()


def _reachable(newsletter_id: int) -> Select[int]:
    return select(Recipient.id).where(Recipient.newsletter_id == newsletter_id, Recipient.address_sealed.is_not(None))
