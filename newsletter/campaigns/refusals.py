"""Addresses that the relay says do not exist: removed, but only when the campaign goes on well behind the refusal.

If everything is refused, the fault is ours. So a refusal waits until as many mails as the breaker looks back at have
their fate, or the campaign is at its end; when the breaker trips before, it is forgotten, and nobody is removed.
"""

from collections.abc import Sequence

from sqlalchemy import delete, func, select, text

from newsletter.campaigns.breaker import OF_THE_LAST
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState, DeliveryCount, DeliveryState, Refusal
from newsletter.core.db import db
from newsletter.recipients import erasing
from newsletter.recipients.models import Recipient

WAY = "bounce"
AT_ONCE = 200
"""Recipients removed by one job: about a second's work."""
ENDED = (CampaignState.SENT, CampaignState.CANCELLED)

# Who has left since is not there to be referred to.
_NOTE = text("""
    INSERT INTO refusal (recipient_id, campaign_id, settled)
    SELECT recipient.id, :campaign, :settled - said.ago
    FROM unnest(CAST(:ids AS int[]), CAST(:ago AS bigint[])) AS said(id, ago) JOIN recipient ON recipient.id = said.id
    FOR KEY SHARE OF recipient
    ON CONFLICT DO NOTHING
""")
# How often one was refused since a mail to them was last taken, at the address of now: some minutes after it was
# changed, mails that were in hand then have their replies.
_TIMES = text("""
    SELECT count(*) FROM delivery
    WHERE recipient_id = :recipient AND state = 'failed' AND reply_status LIKE '5.1.%'
      AND updated_at > coalesce(
          (SELECT address_changed_at + interval '10 minutes' FROM recipient WHERE id = :recipient), '-infinity')
      AND id > coalesce((SELECT max(id) FROM delivery WHERE recipient_id = :recipient AND state = 'sent'), 0)
""")


def note(campaign_id: int, unknown: Sequence[tuple[int, int]]) -> None:
    """Store who was refused in a slice, each with how many outcomes ago that was; drop what a tripped breaker saw.

    Commits.
    """
    campaign = db.session.get_one(Campaign, campaign_id, populate_existing=True)
    settled = _settled(campaign_id)
    if campaign.state == CampaignState.PAUSED and campaign.pause_reason is not None:
        unknown = [(recipient_id, ago) for recipient_id, ago in unknown if ago >= OF_THE_LAST]
        recent = Refusal.settled > settled - OF_THE_LAST
        db.session.execute(delete(Refusal).where(Refusal.campaign_id == campaign_id, recent))
    if unknown:
        ids, ago = zip(*unknown, strict=True)
        values = {"campaign": campaign_id, "settled": settled, "ids": list(ids), "ago": list(ago)}
        db.session.execute(_NOTE, values)
    db.session.commit()


def due(campaign_id: int) -> list[tuple[int, bytes]]:
    """Return the recipients who may be removed now, up to `AT_ONCE`: id and the key of their links."""
    campaign = db.session.get_one(Campaign, campaign_id, populate_existing=True)
    query = (
        select(Recipient.id, Recipient.link_key)
        .join(Refusal, Refusal.recipient_id == Recipient.id)
        .where(Refusal.campaign_id == campaign_id, Recipient.address_sealed.is_not(None))
        .limit(AT_ONCE)
    )
    if campaign.state not in ENDED:
        query = query.where(Refusal.settled <= _settled(campaign_id) - OF_THE_LAST)
    found = [(recipient_id, key) for recipient_id, key in db.session.execute(query)]
    if found and campaign.state in ENDED and not counts(campaign_id)["sent"]:
        found = []  # not one mail was taken
    db.session.rollback()
    return found


def remove(campaign_id: int, recipients: Sequence[tuple[int, bytes]], hard_bounces: int) -> int:
    """Erase those who were refused in as many campaigns as `hard_bounces` says; return how many. Commits."""
    removed = 0
    for recipient_id, key in recipients:
        times = db.session.execute(_TIMES, {"recipient": recipient_id}).scalar_one()
        if times >= hard_bounces:
            removed += erasing.erase(key, campaign_id, WAY)
            continue
        db.session.execute(
            delete(Refusal).where(Refusal.campaign_id == campaign_id, Refusal.recipient_id == recipient_id)
        )
        db.session.commit()
    return removed


def campaigns() -> list[int]:
    """Return the campaigns of which somebody may have to be removed."""
    ids = list(db.session.execute(select(Refusal.campaign_id).distinct()).scalars())
    db.session.rollback()
    return ids


def forget_vain() -> None:
    """Forget the refusals of ended campaigns of which not one mail was taken: they remove nobody. Commits."""
    ended = select(Campaign.id).where(Campaign.state.in_(ENDED))
    sent = select(func.coalesce(func.sum(DeliveryCount.number), 0)).where(
        DeliveryCount.campaign_id == Refusal.campaign_id, DeliveryCount.state == DeliveryState.SENT.value
    )
    vain = delete(Refusal).where(Refusal.campaign_id.in_(ended), sent.scalar_subquery() == 0)
    db.session.execute(vain.execution_options(synchronize_session=False))
    db.session.commit()


def _settled(campaign_id: int) -> int:
    numbers = counts(campaign_id)
    return sum(numbers[state] for state in ("sent", "failed", "skipped", "in_doubt"))
