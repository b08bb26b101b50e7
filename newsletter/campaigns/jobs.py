"""The jobs of campaigns: each takes a row's id, looks what there is to do, does it, and may be run again."""

import logging
import time

from flask import Flask, current_app
from sqlalchemy import exists, func, or_, select

from newsletter.campaigns import life
from newsletter.campaigns.breaker import OurFault
from newsletter.campaigns.delivering import Sender
from newsletter.campaigns.desk import Desk
from newsletter.campaigns.mails import Composer
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.errors import NewsletterError
from newsletter.core.stopping import stopping
from newsletter.mail.transport import RelayAway

log = logging.getLogger(__name__)

SLICE_SECONDS, LONGEST_SECONDS = 3.0, 60.0
"""After the first a job ends when someone waits for this worker, after the second in any case."""
LOOK_SECONDS = 0.5


@queues.job
def send_campaign(campaign_id: int) -> None:
    """Send for some seconds; ring again when more is due. Any number of workers may do this at once."""
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None or campaign.state != CampaignState.SENDING:
        life.finish(campaign_id)
        return
    try:
        composer = Composer(db.session(), campaign)
    except NewsletterError as error:  # a sender or text that no mail can be made of
        _pause(campaign_id, error)
        return
    finally:
        db.session.rollback()
    if _due(campaign_id) and queues.has_idle_worker(queues.CAMPAIGNS):
        queues.ring(queues.CAMPAIGNS, send_campaign, campaign_id)
    try:
        more = _slice(campaign_id, composer)
    except RelayAway:
        log.warning("campaign %s: the relay is away, the sweep will try again", campaign_id)
        return
    except OurFault as error:
        _pause(campaign_id, error)
        return
    if more:
        queues.ring(queues.CAMPAIGNS, send_campaign, campaign_id)
    else:
        life.finish(campaign_id)


def _slice(campaign_id: int, composer: Composer) -> bool:
    """Send for a while; return whether more is due."""
    desk = Desk(db.engine, campaign_id)
    try:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy has it
        Sender(app, desk, composer, app.config["SENDING_CONNECTIONS"], Patience().over).run()
    finally:
        desk.close()
    return _due(campaign_id)


class Patience:
    """How long a slice goes on: while nobody waits for this worker, a confirmation first of all."""

    def __init__(self) -> None:
        self._started = self._looked = time.monotonic()

    def over(self) -> bool:
        """Return whether it is time to end."""
        now = time.monotonic()
        if stopping.is_set() or now - self._started > LONGEST_SECONDS:
            return True
        if now - self._started < SLICE_SECONDS or now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        return any(queues.waiting(name) for name in queues.QUEUES)


def _pause(campaign_id: int, error: NewsletterError) -> None:
    log.error("campaign %s is paused: %s", campaign_id, error)
    life.pause(campaign_id, str(error))


def _due(campaign_id: int) -> bool:
    queued = exists().where(Delivery.campaign_id == campaign_id, Delivery.state == DeliveryState.QUEUED)
    deferred = exists().where(
        Delivery.campaign_id == campaign_id,
        Delivery.state == DeliveryState.DEFERRED,
        Delivery.not_before <= func.now(),
    )
    found = bool(db.session.execute(select(or_(queued, deferred))).scalar())
    db.session.rollback()
    return found
