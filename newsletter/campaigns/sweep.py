"""The sweep: what was lost is found again. Ends dead leases, starts due campaigns, rings for what waits."""

import logging
from datetime import timedelta

from flask import current_app
from sqlalchemy import exists, func, select

from newsletter.campaigns import claims, jobs, life, refusals, service
from newsletter.campaigns.models import Batch, Campaign, CampaignState, Delivery, DeliveryState
from newsletter.campaigns.windows import sendable
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.errors import Invalid

log = logging.getLogger(__name__)

IN_HAND = timedelta(seconds=5)


def sweep() -> None:
    """Look at every campaign that is being sent or due; cheap when there is none. May run anywhere, any time."""
    with db.engine.begin() as connection:
        recovered = claims.recover(connection)
    if recovered:
        log.warning("leases of vanished workers ended in campaigns %s", sorted(recovered))
    for campaign_id in recovered | life.cancelled_with_rest():
        life.finish(campaign_id)
    life.reopen()
    if not queues.waiting(queues.CAMPAIGNS):
        # Not for one that a worker has in hand: it would let go of its connections to hear the bell.
        for campaign_id in _sendable() - _in_hand():
            queues.ring(queues.CAMPAIGNS, jobs.send_campaign, campaign_id)
        refusals.forget_vain()
        for campaign_id in filter(refusals.due, refusals.campaigns()):
            queues.ring(queues.CAMPAIGNS, jobs.remove_refused, campaign_id)


def start_due() -> None:
    """Start the campaigns whose time has come; one that can't be sent is a draft again, with the reason.

    One that fails otherwise holds up none behind it: the first such error is raised when all have had their turn.
    """
    query = select(Campaign.id).where(Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= func.now())
    due = list(db.session.execute(query).scalars())
    db.session.commit()
    errors: list[Exception] = []
    for campaign_id in due:
        try:
            _start(campaign_id)
        except Exception as error:  # noqa: BLE001  # whatever it is, the others are due all the same
            db.session.rollback()
            log.error("campaign %s can't be started: %s", campaign_id, type(error).__name__)
            errors.append(error)
    if errors:
        raise errors[0]


def _start(campaign_id: int) -> None:
    try:
        service.start(campaign_id, of=[CampaignState.SCHEDULED])
    except Invalid as error:
        db.session.rollback()
        life.move(
            campaign_id,
            of=[CampaignState.SCHEDULED],
            to=CampaignState.DRAFT,
            pause_reason=" ".join(error.errors.values()),
        )
        db.session.commit()


def _in_hand() -> set[int]:
    """Return the campaigns of which a worker holds claims and has shown a sign of life in the last seconds."""
    fresh = func.now() + timedelta(seconds=current_app.config["SENDING_LEASE_SECONDS"]) - IN_HAND
    held = exists().where(Delivery.batch_id == Batch.id, Delivery.state == DeliveryState.CLAIMED)
    ids = set(db.session.execute(select(Batch.campaign_id).where(Batch.lease_until > fresh, held)).scalars())
    db.session.commit()
    return ids


def _sendable() -> set[int]:
    ids = set(db.session.execute(sendable()).scalars())
    db.session.commit()
    return ids
