"""The jobs of campaigns: each takes a row's id, looks what there is to do, does it, and may be run again."""

import gc
import logging
import time
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import exists, func, or_

from newsletter.campaigns import life, refusals
from newsletter.campaigns.breaker import Breaker
from newsletter.campaigns.delivering import Sender
from newsletter.campaigns.desk import SOON_SECONDS, Desk
from newsletter.campaigns.faults import OurFault
from newsletter.campaigns.mails import Composer
from newsletter.campaigns.models import Campaign, Delivery, DeliveryState
from newsletter.campaigns.rates import Limits
from newsletter.campaigns.windows import sendable
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.errors import NewsletterError
from newsletter.core.stopping import stopping
from newsletter.mail.replies import RelayAway

log = logging.getLogger(__name__)

SLICE_SECONDS, LONGEST_SECONDS = 1.5, 60.0
"""After the first a job ends when someone waits for this worker, after the second in any case."""
LOOK_SECONDS = 0.5


@queues.job
def send_campaign(campaign_id: int) -> None:
    """Send for some seconds; ring again when more is due. Any number of workers may do this at once."""
    if not _may_send(campaign_id):
        life.finish(campaign_id)
        return
    campaign = db.session.get_one(Campaign, campaign_id)
    memory = campaign.last_outcomes
    try:
        composer = Composer(db.session(), campaign)
    except NewsletterError as error:  # a sender or text that no mail can be made of
        _pause(campaign_id, error)
        return
    finally:
        db.session.rollback()
    if _due(campaign_id) and queues.has_idle_worker(queues.CAMPAIGNS):
        queues.ring(queues.CAMPAIGNS, send_campaign, campaign_id)
    more = _slice(campaign_id, composer, Breaker(memory))
    # Sender, lines and ledger refer to each other: they and what they hold would stay for some more slices.
    gc.collect()
    if more:
        # One bell that waits is enough: with more of them this campaign would have more turns than others.
        if not queues.waits(queues.CAMPAIGNS, queues.bell(send_campaign, campaign_id)):
            queues.ring(queues.CAMPAIGNS, send_campaign, campaign_id)
    else:
        life.finish(campaign_id)
    if refusals.due(campaign_id):
        queues.ring(queues.CAMPAIGNS, remove_refused, campaign_id)


@queues.job
def remove_refused(campaign_id: int) -> None:
    """Remove recipients whose address does not exist, as the relay says; ring again when there are more."""
    found = refusals.due(campaign_id)
    removed = refusals.remove(campaign_id, found, current_app.config["HARD_BOUNCES"])
    if removed:
        log.info("campaign %s: %s addresses that do not exist are removed", campaign_id, removed)
    if len(found) == refusals.AT_ONCE:
        queues.ring(queues.CAMPAIGNS, remove_refused, campaign_id)


def _slice(campaign_id: int, composer: Composer, breaker: Breaker) -> bool:
    """Send for a while; return whether more is due."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy has it
    limits = Limits(app.config["MAILS_PER_SECOND"], app.config["MAILS_PER_SECOND_BY_DOMAIN"])
    desk = Desk(db.engine, campaign_id, limits, app.config["SENDING_LEASE_SECONDS"])
    away = False
    sender = Sender(app, desk, composer, app.config["SENDING_CONNECTIONS"], Patience(campaign_id).over, breaker)
    try:
        sender.run()
    except RelayAway:
        log.warning("campaign %s: the relay is away, the sweep will try again", campaign_id)
        away = True
    except OurFault as error:
        _pause(campaign_id, error)
    finally:
        desk.close()
    _learn(campaign_id, breaker, useful=sender.useful, away=away)
    return _due(campaign_id)


def _learn(campaign_id: int, breaker: Breaker, *, useful: bool, away: bool) -> None:
    """Keep what a slice has shown of the relay and of those it refused."""
    if useful:
        life.recover(campaign_id)
    if away:
        life.set_back(campaign_id)
    life.remember(campaign_id, breaker.memory)
    refusals.note(campaign_id, breaker.unknown())


class Patience:
    """How long a slice goes on: while nobody waits for this worker, a confirmation first of all.

    A bell of the campaign itself is no reason to end: it would let go of its lines only to open them again.
    """

    def __init__(self, campaign_id: int) -> None:
        self._own = queues.bell(send_campaign, campaign_id)
        self._started = self._looked = time.monotonic()

    def over(self) -> bool:
        """Return whether it is time to end."""
        now = time.monotonic()
        if stopping.is_set() or now - self._started > LONGEST_SECONDS:
            return True
        if now - self._started < SLICE_SECONDS or now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        return bool(queues.waiting(queues.MAIL)) or queues.waits(queues.CAMPAIGNS, self._own, other=True)


def _pause(campaign_id: int, error: NewsletterError) -> None:
    log.error("campaign %s is paused: %s", campaign_id, error)
    life.pause(campaign_id, str(error))


def _may_send(campaign_id: int) -> bool:
    found = db.session.execute(sendable().where(Campaign.id == campaign_id)).first() is not None
    db.session.rollback()
    return found


def _due(campaign_id: int) -> bool:
    """Return whether there is something to send, and it may be sent."""
    queued = exists().where(Delivery.campaign_id == campaign_id, Delivery.state == DeliveryState.QUEUED)
    deferred = exists().where(
        Delivery.campaign_id == campaign_id,
        Delivery.state == DeliveryState.DEFERRED,
        Delivery.not_before <= func.now() + timedelta(seconds=SOON_SECONDS),
    )
    query = sendable().where(Campaign.id == campaign_id, or_(queued, deferred))
    found = db.session.execute(query).first() is not None
    db.session.rollback()
    return found
