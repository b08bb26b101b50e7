"""Who objects to being measured, or restricts the use of their data, is taken out of campaigns sent already.

It is done after the objection is committed. A mail that was made as a measured one before that belongs to a campaign
that is in the tables by then, so that none slips through.
"""

from sqlalchemy import delete, func, insert, select

from newsletter.campaigns.models import Campaign
from newsletter.core.db import db
from newsletter.recipients.models import Objection
from newsletter.tracking import silencing
from newsletter.tracking.models import MeasurementKey

AT_ONCE = 1000


def see_to_objections() -> int:
    """Silence who has objected, in all campaigns of the newsletter that are still measured; return how many. Commits.

    Not only in those that have a delivery to the person: deliveries may be forgotten sooner than keys. Where a key
    can't be opened the objection waits for it, and others do not wait behind: they are taken in no order.
    """
    query = select(Objection.recipient_id).order_by(func.random()).limit(AT_ONCE)
    waiting = list(db.session.execute(query).scalars())
    for recipient_id in waiting:
        # Taken away first: who objects again meanwhile waits for us, and is seen to again.
        taken = delete(Objection).where(Objection.recipient_id == recipient_id).returning(Objection.newsletter_id)
        newsletter_id = db.session.execute(taken).scalar_one_or_none()
        if newsletter_id is not None and not silencing.silence(recipient_id, _measured(newsletter_id)):
            again = {"recipient_id": recipient_id, "newsletter_id": newsletter_id}
            db.session.execute(insert(Objection).values(again))
        db.session.commit()
    return len(waiting)


def _measured(newsletter_id: int) -> list[int]:
    query = (
        select(MeasurementKey.campaign_id)
        .join(Campaign, Campaign.id == MeasurementKey.campaign_id)
        .where(Campaign.newsletter_id == newsletter_id, MeasurementKey.key_sealed.is_not(None))
    )
    return list(db.session.execute(query).scalars())
