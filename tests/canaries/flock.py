"""Sends flocks of canaries through their lives: each flock under one trouble, which comes with every step."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial

from redis import RedisError
from sqlalchemy import func, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from newsletter.campaigns import service, sweep
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.recipients.models import Newsletter
from tests.canaries import life as lives
from tests.canaries.bird import Bird
from tests.canaries.life import Life, Step
from tests.canaries.stage import Stage
from tests.canaries.troubles import Trouble
from tests.factories import make_campaign, make_newsletter

PATIENCE_SECONDS, AT_ONCE = 60, 4
SENDING_SECONDS = 2.0
BEFORE: tuple[Step, ...] = (lives.sign_up, lives.got_confirmation, lives.confirm, lives.got_welcome)
BEHIND: tuple[Step, ...] = (
    lives.read, lives.change, lives.ask_for_a_link, lives.take_along, lives.ask_to_move, lives.move, lives.leave,
    lives.undo,
)  # fmt: skip
UNFINISHED = ("queued", "claimed", "deferred")


def live(stage: Stage, birds: Sequence[Bird], trouble: Trouble) -> list[str]:
    """Let the birds live, and return what did not come to its end, in words. Inside an app's context."""
    slug = make_newsletter().slug
    flock = [Life(bird, slug) for bird in birds]
    problems = [each for step in BEFORE for each in _take(stage, flock, step, trouble)]
    problems += _campaign(stage, flock, trouble)
    return problems + [each for step in BEHIND for each in _take(stage, flock, step, trouble)]


def _take(stage: Stage, flock: list[Life], step: Step, trouble: Trouble) -> Iterator[str]:
    """Let all take a step while the trouble is there, and then, until it is done, without."""
    with trouble(stage, flock):
        left = _all(stage, flock, step)
    _let_go()
    over = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < over:
        _hurry()
        left = _all(stage, left, step)
        time.sleep(0.1 if left else 0)
    if left:
        yield f"{len(left)} of {len(flock)} ({left[0].ending}) did not get past {step.__name__}"


def _all(stage: Stage, flock: list[Life], step: Step) -> list[Life]:
    """Let all of them take the step, some at a time, and return those who are not done with it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(partial(step, stage), flock)
        return [each for each, is_done in zip(flock, done, strict=True) if not is_done]


def _let_go() -> None:
    """Leave the connection that may have been cut off."""
    with suppress(OperationalError, InterfaceError):
        db.session.remove()


def _campaign(stage: Stage, flock: list[Life], trouble: Trouble) -> Iterator[str]:
    """Send them a campaign, which some of their mailboxes refuse for good."""
    for each in flock:
        if each.ending == "bounces":
            stage.sink.refuse(f"550 5.1.1 {each.bird.said_by_relays} unknown here", address=each.bird.address)
    newsletter = db.session.execute(select(Newsletter).where(Newsletter.slug == flock[0].slug)).scalar_one()
    campaign_id = service.send(make_campaign(newsletter), at=utcnow() + timedelta(seconds=1)).id
    db.session.remove()
    with trouble(stage, flock):
        time.sleep(SENDING_SECONDS)
    _let_go()
    over = time.monotonic() + PATIENCE_SECONDS
    while (left := _unfinished(campaign_id)) and time.monotonic() < over:
        _hurry()
        time.sleep(0.2)
    stage.sink.behave()
    if left:
        yield f"a campaign did not come to its end: {left}"


def _unfinished(campaign_id: int) -> dict[str, int]:
    """Return how many deliveries of the campaign have no fate yet; have it go on where it was paused."""
    campaign = db.session.get_one(Campaign, campaign_id)
    if campaign.state == CampaignState.PAUSED:
        with suppress(Conflict):
            service.resume(campaign)
    found = counts(campaign_id)
    begun = campaign.state not in (CampaignState.DRAFT, CampaignState.SCHEDULED)
    db.session.remove()
    left = {name: found[name] for name in UNFINISHED if found[name]}
    return left if begun else {"not begun": 1}


def _hurry() -> None:
    """Have done at once what would be done in a while."""
    free = select(OutboxMail.id).with_for_update(skip_locked=True)
    due = {"not_before": func.now(), "created_at": OutboxMail.created_at - timedelta(seconds=10)}
    try:
        db.session.execute(update(OutboxMail).where(OutboxMail.id.in_(free)).values(due))
        deferred = update(Delivery).where(Delivery.state == DeliveryState.DEFERRED)
        db.session.execute(deferred.values(not_before=func.now()))
        db.session.execute(update(Campaign).where(Campaign.not_before.is_not(None)).values(not_before=None))
        db.session.commit()
        outbox.sweep()
        sweep.sweep()
    except (OperationalError, InterfaceError, RedisError):  # they come back when they come back
        db.session.rollback()
