"""What staff and the API do with campaigns. Each call checks, changes rows, commits, then rings the doorbell."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select, update

from newsletter.campaigns import audience, fields, jobs, life, markdown, progress, trial
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core import public_ids, queues
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict, Invalid, NotFound
from newsletter.core.i18n import gettext as _
from newsletter.mail import outbox
from newsletter.recipients.models import Measurement, Newsletter
from newsletter.tracking import measurement

KIND = "campaign"
FORGIVEN = timedelta(minutes=5)
"""How far in the past a time to send at may lie: clocks differ, and forms take a while."""
DRAFT, SCHEDULED, SENDING, PAUSED, SENT, CANCELLED = CampaignState


def public_id(campaign: Campaign) -> str:
    """Return the id as URLs and the API spell it."""
    return public_ids.spell(KIND, campaign.id)


def by_public_id(word: str) -> Campaign:
    """Return the campaign; raise `NotFound`."""
    number = public_ids.read(KIND, word)
    found = db.session.get(Campaign, number) if number < 2**31 else None
    if found is None:
        raise NotFound(_("There is no such campaign."))
    return found


def every(newsletter: Newsletter | None = None, limit: int | None = None) -> list[Campaign]:
    """Return all campaigns, or those of one newsletter, newest first; the first `limit` of them."""
    query = select(Campaign).order_by(Campaign.id.desc()).limit(limit)
    if newsletter is not None:
        query = query.where(Campaign.newsletter_id == newsletter.id)
    return list(db.session.execute(query).scalars())


def create(newsletter: Newsletter, values: Mapping[str, Any]) -> Campaign:
    """Store a draft and commit; raise `Invalid`."""
    clean = dict.fromkeys(fields.FIELDS, "") | fields.validated(values)
    campaign = Campaign(newsletter_id=newsletter.id, state=DRAFT, **clean)
    db.session.add(campaign)
    db.session.commit()
    return campaign


def change(campaign: Campaign, values: Mapping[str, Any]) -> Campaign:
    """Change the given fields and commit; raise `Invalid`, or `Conflict` once it is being sent."""
    clean = fields.validated(values)
    if not life.move(campaign.id, of=[DRAFT], to=DRAFT, **clean) and not life.move(
        campaign.id, of=[SCHEDULED], to=SCHEDULED, **clean
    ):
        raise _conflict(_("This campaign can't be changed any more: its sending has begun."))
    db.session.commit()
    db.session.refresh(campaign)
    return campaign


def delete(campaign: Campaign) -> None:
    """Delete a campaign that was never sent, and commit; raise `Conflict` for any other."""
    gone = db.session.execute(
        sql_delete(Campaign).where(Campaign.id == campaign.id, Campaign.state.in_(life.EDITABLE)).returning(Campaign.id)
    ).first()
    if gone is None:
        raise _conflict(_("A campaign whose sending has begun can't be deleted: its figures are kept."))
    db.session.commit()


def send(campaign: Campaign, at: datetime | None = None) -> Campaign:
    """Start sending now, or at a later time; raise `Invalid` when something is missing, `Conflict` the second time."""
    if campaign.state != DRAFT:
        raise _conflict(_("This campaign is being sent already, or has been."))
    fields.require_complete(campaign.subject, campaign.markdown, audience.count(campaign.newsletter_id))
    if at is not None and at < utcnow() - FORGIVEN:
        # A slip in the year must not send to everybody at once: that can't be taken back.
        raise Invalid({"at": _("This time has passed. Leave it out to send now.")})
    if at is not None and at > utcnow():
        begun = life.move(campaign.id, of=[DRAFT], to=SCHEDULED, scheduled_at=at, pause_reason=None)
        db.session.commit()
    else:
        begun = start(campaign.id, of=[DRAFT])
    if not begun:
        raise _conflict(_("This campaign is being sent already, or has been."))
    db.session.refresh(campaign)
    return campaign


def start(campaign_id: int, of: Sequence[CampaignState]) -> bool:
    """Begin: state, audience and links in one transaction, then the bell. False when another was quicker."""
    if not life.move(campaign_id, of=of, to=SENDING, started_at=func.now(), pause_reason=None):
        db.session.rollback()
        return False
    campaign = db.session.get_one(Campaign, campaign_id, populate_existing=True)
    newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
    try:
        # What is scheduled can still be changed, and emptied.
        fields.require_complete(campaign.subject, campaign.markdown, audience=1)
        links = markdown.parse(campaign.markdown).links
        if not audience.snapshot(campaign):
            raise Invalid({"newsletter": _("This newsletter has no recipients yet.")})
    except Invalid:
        db.session.rollback()
        raise
    if newsletter.measurement != Measurement.OFF:
        measurement.open_window(campaign_id, links)
    progress.begin(campaign_id)
    db.session.commit()
    queues.ring(queues.CAMPAIGNS, jobs.send_campaign, campaign_id)
    return True


def pause(campaign: Campaign) -> Campaign:
    """Stop after the mails in hand; raise `Conflict` when it is not being sent."""
    return _moved(campaign, [SENDING], PAUSED, pause_reason=None)


def resume(campaign: Campaign) -> Campaign:
    """Go on; raise `Conflict` when it is not paused."""
    _moved(campaign, [PAUSED], SENDING, pause_reason=None, setbacks=0, not_before=None)
    queues.ring(queues.CAMPAIGNS, jobs.send_campaign, campaign.id)
    return campaign


def cancel(campaign: Campaign) -> Campaign:
    """Send no more of it, ever; what was not sent is skipped. Raise `Conflict` when there is nothing to cancel."""
    _moved(campaign, [SCHEDULED, SENDING, PAUSED], CANCELLED, finished_at=func.now())
    if life.skip_rest(campaign.id) == life.AT_ONCE:  # the worker skips the others
        queues.ring(queues.CAMPAIGNS, jobs.send_campaign, campaign.id)
    return campaign


def send_test(campaign: Campaign, texts: Sequence[Any]) -> None:
    """Send a test mail to up to five addresses; raise `Invalid`."""
    addresses = trial.addresses(texts)
    fields.require_complete(campaign.subject, campaign.markdown, audience=1)
    rows = [outbox.post(trial.send_test_mail, [campaign.id, address]) for address in addresses]
    db.session.commit()
    for row in rows:
        outbox.ring(row, trial.send_test_mail)


def resend_in_doubt(campaign: Campaign) -> int:
    """Queue those in doubt again, because staff say so; return how many. The Message-ID stays the same."""
    queued = db.session.execute(
        update(Delivery)
        .where(Delivery.campaign_id == campaign.id, Delivery.state == DeliveryState.IN_DOUBT)
        .values(state=DeliveryState.QUEUED, updated_at=func.now())
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    if queued and not life.move(campaign.id, of=[SENT, SENDING], to=SENDING, finished_at=None):
        db.session.rollback()
        cancelled = _("This campaign was cancelled: nothing more of it is sent.")
        raise _conflict(cancelled if campaign.state == CANCELLED else _("Please resume the campaign first."))
    db.session.commit()
    if queued:
        queues.ring(queues.CAMPAIGNS, jobs.send_campaign, campaign.id)
    return len(queued)


def _moved(campaign: Campaign, of: Sequence[CampaignState], to: CampaignState, **values: object) -> Campaign:
    if not life.move(campaign.id, of=of, to=to, **values):
        raise _conflict(_("This can't be done with the campaign in its present state."))
    db.session.commit()
    db.session.refresh(campaign)
    return campaign


def _conflict(text: str) -> Conflict:
    db.session.rollback()
    return Conflict(text)
