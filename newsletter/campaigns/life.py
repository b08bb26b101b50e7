"""The states of a campaign, each change one guarded UPDATE: of two at the same moment, one wins (P8)."""

from collections.abc import Sequence

from sqlalchemy import Select, and_, exists, func, or_, select, update

from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryCount, DeliveryState
from newsletter.core.db import db

EDITABLE = (CampaignState.DRAFT, CampaignState.SCHEDULED)
OPEN = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)
FIRST_REST_SECONDS, LONGEST_REST_SECONDS, MOST_SETBACKS = 5, 300, 10
AT_ONCE = 2_000
"""Deliveries skipped in one transaction, in some tens of milliseconds: whoever cancels waits for the first of them."""


def move(campaign_id: int, *, of: Sequence[CampaignState], to: CampaignState, **values: object) -> bool:
    """Put a campaign that is in one of the states `of` into `to`; return whether it was. The caller commits."""
    moved = db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state.in_(of))
        .values(state=to, updated_at=func.now(), **values)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    ).first()
    return moved is not None


def pause(campaign_id: int, reason: str) -> bool:
    """Pause a campaign that is being sent, for a reason that staff are shown. Commits."""
    paused = move(
        campaign_id, of=[CampaignState.SENDING], to=CampaignState.PAUSED, pause_reason=reason, last_outcomes=0
    )
    db.session.commit()
    return paused


def set_back(campaign_id: int) -> None:
    """Leave the relay alone for a while, which grows with each attempt in vain: 5 s at first, at most 5 min. Commits.

    Several workers that meet a relay that is away at the same time are one attempt.
    """
    pause_seconds = func.least(FIRST_REST_SECONDS * func.power(2, Campaign.setbacks), LONGEST_REST_SECONDS)
    db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, or_(Campaign.not_before.is_(None), Campaign.not_before <= func.now()))
        .values(
            not_before=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, pause_seconds),
            setbacks=func.least(Campaign.setbacks + 1, MOST_SETBACKS),
        )
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def recover(campaign_id: int) -> None:
    """Note that the relay takes mail. Commits."""
    db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.setbacks > 0)
        .values(setbacks=0, not_before=None)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def remember(campaign_id: int, last_outcomes: int) -> None:
    """Keep the breaker's memory for the next slice, unless a pause has cleared it. Commits."""
    db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state == CampaignState.SENDING)
        .where(Campaign.last_outcomes != last_outcomes)
        .values(last_outcomes=last_outcomes)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def finish(campaign_id: int) -> None:
    """Close a campaign of which nothing is left to send; skip what a cancelled one left. Commits."""
    while skip_rest(campaign_id) == AT_ONCE:
        pass
    # First of all, so that what follows sees what whoever held the campaign has just done.
    db.session.execute(select(Campaign.id).where(Campaign.id == campaign_id).with_for_update())
    left = select(func.coalesce(func.sum(DeliveryCount.number), 0)).where(
        DeliveryCount.campaign_id == campaign_id, DeliveryCount.state.in_([state.value for state in OPEN])
    )
    db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state == CampaignState.SENDING, left.scalar_subquery() == 0)
        .values(state=CampaignState.SENT, finished_at=func.now(), updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def skip_rest(campaign_id: int) -> int:
    """Skip up to `AT_ONCE` deliveries that a cancelled campaign left; return how many. Commits."""
    cancelled = exists().where(Campaign.id == campaign_id, Campaign.state == CampaignState.CANCELLED)
    # Spelled so that each of the two has its index.
    queued = and_(Delivery.campaign_id == campaign_id, Delivery.state == DeliveryState.QUEUED)
    deferred = and_(Delivery.campaign_id == campaign_id, Delivery.state == DeliveryState.DEFERRED)
    left = select(Delivery.id).where(cancelled, or_(queued, deferred)).limit(AT_ONCE)
    left = left.with_for_update(skip_locked=True)
    skip = update(Delivery).where(Delivery.id.in_(left)).values(state=DeliveryState.SKIPPED, updated_at=func.now())
    skipped = db.session.connection().execute(skip).rowcount
    db.session.commit()
    return skipped


def reopen() -> None:
    """Send on with campaigns that were closed while a late answer brought one of their mails back. Commits."""
    db.session.execute(
        update(Campaign)
        .where(Campaign.state == CampaignState.SENT, Campaign.id.in_(_with_waiting()))
        .values(state=CampaignState.SENDING, finished_at=None, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def cancelled_with_rest() -> set[int]:
    """Return the cancelled campaigns of which something is still to be skipped, however long ago that was."""
    query = select(Campaign.id).where(Campaign.state == CampaignState.CANCELLED, Campaign.id.in_(_with_waiting()))
    ids = set(db.session.execute(query).scalars())
    db.session.commit()
    return ids


def _with_waiting() -> Select[int]:
    return (
        select(DeliveryCount.campaign_id)
        .where(DeliveryCount.state.in_([DeliveryState.QUEUED.value, DeliveryState.DEFERRED.value]))
        .group_by(DeliveryCount.campaign_id)
        .having(func.sum(DeliveryCount.number) > 0)
    )
