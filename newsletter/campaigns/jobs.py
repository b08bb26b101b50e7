"""The jobs of campaigns: each takes a row's id, looks what there is to do, does it, and may be run again."""

import logging
import time

from sqlalchemy import exists, func, or_, select

from newsletter.campaigns import claims, life
from newsletter.campaigns.breaker import OurFault
from newsletter.campaigns.delivering import Sender
from newsletter.campaigns.line import Line
from newsletter.campaigns.mails import Composer
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.campaigns.pace import Pace
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.stopping import stopping
from newsletter.mail.transport import RelayAway

log = logging.getLogger(__name__)

SLICE_SECONDS = 3.0
"""How long one job sends before it lets the worker look whether a confirmation is waiting."""


@queues.job
def send_campaign(campaign_id: int) -> None:
    """Send for some seconds; ring again when more is due. Any number of workers may do this at once."""
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None or campaign.state != CampaignState.SENDING:
        life.finish(campaign_id)
        return
    composer = Composer(db.session(), campaign)
    db.session.rollback()
    if _due(campaign_id) and queues.has_idle_worker(queues.CAMPAIGNS):
        queues.ring(queues.CAMPAIGNS, send_campaign, campaign_id)
    try:
        more = _slice(campaign_id, composer)
    except RelayAway as error:
        if not error.permanent:
            log.warning("campaign %s: the relay is away, the sweep will try again", campaign_id)
            return
        _pause(campaign_id, OurFault(error.reply))
        return
    except OurFault as error:
        _pause(campaign_id, error)
        return
    if more:
        queues.ring(queues.CAMPAIGNS, send_campaign, campaign_id)
    else:
        life.finish(campaign_id)


def _slice(campaign_id: int, composer: Composer) -> bool:
    """Send batch after batch for some seconds; return whether more is due."""
    pace = Pace()
    until = time.monotonic() + SLICE_SECONDS
    with Line() as line:
        sender = Sender(campaign_id, composer, line)
        while time.monotonic() < until and not stopping.is_set():
            with db.engine.begin() as connection:
                mine = claims.claim(connection, campaign_id, pace.batch)
            if not mine:
                return False
            with pace.measured(len(mine)):
                sender.send(mine)
    return _due(campaign_id)


def _pause(campaign_id: int, error: OurFault) -> None:
    log.error("campaign %s is paused: %s", campaign_id, error)
    life.pause(campaign_id, str(error))


def _due(campaign_id: int) -> bool:
    due = exists().where(
        Delivery.campaign_id == campaign_id,
        Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)),
        or_(Delivery.not_before.is_(None), Delivery.not_before <= func.now()),
    )
    found = bool(db.session.execute(select(due)).scalar())
    db.session.rollback()
    return found
