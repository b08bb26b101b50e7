"""The states of a campaign, each change one guarded UPDATE: of two at the same moment, one wins (P8)."""

from collections.abc import Sequence

from sqlalchemy import exists, func, select, update

from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core.db import db

EDITABLE = (CampaignState.DRAFT, CampaignState.SCHEDULED)
OPEN = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)


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
    paused = move(campaign_id, of=[CampaignState.SENDING], to=CampaignState.PAUSED, pause_reason=reason)
    db.session.commit()
    return paused


def finish(campaign_id: int) -> None:
    """Close a campaign of which nothing is left to send; skip what a cancelled one left. Commits."""
    # First of all, so that what follows sees what whoever held the campaign has just done.
    db.session.execute(select(Campaign.id).where(Campaign.id == campaign_id).with_for_update())
    db.session.execute(
        update(Delivery)
        .where(
            Delivery.campaign_id == campaign_id,
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)),
            exists().where(Campaign.id == campaign_id, Campaign.state == CampaignState.CANCELLED),
        )
        .values(state=DeliveryState.SKIPPED, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Campaign)
        .where(
            Campaign.id == campaign_id,
            Campaign.state == CampaignState.SENDING,
            ~exists().where(Delivery.campaign_id == campaign_id, Delivery.state.in_(OPEN)),
        )
        .values(state=CampaignState.SENT, finished_at=func.now(), updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def reopen() -> None:
    """Send on with campaigns that were closed while a late answer brought one of their mails back. Commits."""
    waiting = (DeliveryState.QUEUED, DeliveryState.DEFERRED)
    db.session.execute(
        update(Campaign)
        .where(
            Campaign.state == CampaignState.SENT,
            exists().where(Delivery.campaign_id == Campaign.id, Delivery.state.in_(waiting)),
        )
        .values(state=CampaignState.SENDING, finished_at=None, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
