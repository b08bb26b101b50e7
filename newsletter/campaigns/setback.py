"""After the database went back in time: what was to be sent then may have been sent since. Nobody is mailed twice."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select, text, update

from newsletter.campaigns import faults, life
from newsletter.campaigns.models import Batch, Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core.db import db

IDS_SKIPPED = 10_000
"""More campaigns than are made between a backup and its end. The next one gets no number of one made since: with it
come Message-IDs, and mailboxes drop a mail whose Message-ID they have seen."""

_SKIP_IDS = text("""
    SELECT setval(pg_get_serial_sequence('campaign', 'id'),
                  nextval(pg_get_serial_sequence('campaign', 'id')) + :skipped)
""")


@dataclass(frozen=True)
class Calmed:
    """How many campaigns were stopped, and how many of their deliveries are in doubt."""

    campaigns: int
    deliveries: int


def calm() -> Calmed:
    """Pause what is being sent, make drafts of what is planned, and put in doubt what is open. The caller commits."""
    db.session.execute(delete(Batch))
    campaigns = sum(
        _stop(of, to)
        for of, to in (
            ([CampaignState.SENDING, CampaignState.PAUSED], CampaignState.PAUSED),
            ([CampaignState.SCHEDULED], CampaignState.DRAFT),
        )
    )
    # What a cancelled campaign left is skipped, as ever. A closed one would be opened again for what is deferred.
    others = select(Campaign.id).where(Campaign.state != CampaignState.CANCELLED)
    doubted = db.session.connection().execute(
        update(Delivery)
        .where(Delivery.state.in_(life.OPEN), Delivery.campaign_id.in_(others))
        .values(state=DeliveryState.IN_DOUBT, not_before=None, updated_at=func.now())
    )
    db.session.execute(_SKIP_IDS, {"skipped": IDS_SKIPPED})
    return Calmed(campaigns, doubted.rowcount)


def _stop(of: list[CampaignState], to: CampaignState) -> int:
    stopped = update(Campaign).where(Campaign.state.in_(of))
    values = {"state": to, "pause_reason": faults.RESTORED, "not_before": None, "updated_at": func.now()}
    return db.session.connection().execute(stopped.values(**values)).rowcount
