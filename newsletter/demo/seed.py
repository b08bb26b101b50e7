"""What `make run` has to show: a fictional utility with recipients, a finished draft and an older sent campaign.

Everything goes in by the ways that real data take, so that nothing here can look different from the real thing.
"""

import random
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update

from newsletter.campaigns import audience, markdown
from newsletter.campaigns import service as campaigns
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core import public_ids
from newsletter.core.db import db, utcnow
from newsletter.demo import people
from newsletter.privacy import wordings
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients import admission, newsletters
from newsletter.recipients.models import Departure, Newsletter, Recipient
from newsletter.tracking import counting, measurement
from newsletter.tracking.counting import HOUR_MS
from newsletter.tracking.notes import BY_ITSELF

TEXTS = Path(__file__).parent / "texts"
SLUG = "meine-stadtwerke"
RECIPIENTS = 312
SEED = 2026
UNREACHABLE = 4
LEFT = 6
OPENING, CLICKING, MACHINES = 0.52, 0.38, 0.12
LINK_WEIGHTS = (8, 5, 3)


def seed() -> None:
    """Fill an empty installation and commit; do nothing where there is a newsletter already."""
    if newsletters.every():
        return
    rng = random.Random(SEED)  # noqa: S311  # the same figures at every first start; nothing secret
    newsletter = _newsletter()
    _recipients(newsletter, rng)
    _sent(newsletter, rng)
    campaigns.create(
        newsletter,
        {
            "subject": "Günstiger durch den Winter: Ihre Preise ab Januar",
            "preheader": "Strom und Gas werden günstiger, die Linie 4 fährt öfter, und im Advent gibt es Punsch.",
            "markdown": _text("november.md"),
        },
    )


def _text(name: str) -> str:
    return (TEXTS / name).read_text(encoding="utf-8").strip()


def _newsletter() -> Newsletter:
    return newsletters.create(
        {
            "slug": SLUG,
            "title": "Meine Stadtwerke",
            "description": "Einmal im Monat: was sich bei Energie, Wasser und Bus in Musterstadt tut, "
            "was Sie sparen können und wo Sie uns treffen.",
            "language": "de",
            "from_name": "Stadtwerke Musterstadt",
            "from_address": "newsletter@stadtwerke-musterstadt.example",
            "reply_to": "service@stadtwerke-musterstadt.example",
            "imprint": _text("imprint.txt"),
            "consent_text": _text("consent.txt"),
            "measurement": "all",
            "accent": "#0b6e5f",
        }
    )


def _recipients(newsletter: Newsletter, rng: random.Random) -> None:
    wording = wordings.store(wordings.CONSENT, newsletter.language, newsletter.consent_text)
    now = utcnow()
    for email, person in people.invent(RECIPIENTS, rng):
        asked_at = now - timedelta(days=rng.uniform(40, 700))
        fields = ReceiptFields(
            consent_wording=wording,
            language=newsletter.language,
            source="page",
            method="link",
            measurement="all",
            requested_at=asked_at,
            mailed_at=asked_at + timedelta(seconds=3),
            confirmed_at=asked_at + timedelta(minutes=rng.uniform(1, 300)),
        )
        admission.admit(newsletter, email, person, language="de", measured=rng.random() > 0.06, receipt=fields)
    db.session.commit()


def _sent(newsletter: Newsletter, rng: random.Random) -> None:
    """Store a campaign as it stands three weeks after it was sent."""
    campaign = campaigns.create(
        newsletter,
        {
            "subject": "Zählerstand melden, Sonne ernten: Neues im Oktober",
            "preheader": "Eine Minute für den Zähler, 100 Euro für Ihren Balkon.",
            "markdown": _text("october.md"),
        },
    )
    began_at = (utcnow() - timedelta(days=24)).replace(hour=7, minute=30, second=0, microsecond=0)
    _finish(campaign, began_at)
    measurement.open_window(campaign.id, markdown.parse(campaign.markdown).links)
    _deliveries(campaign, began_at)
    counting.count(_notes(campaign, began_at, rng))
    db.session.add(
        Departure(newsletter_id=newsletter.id, campaign_id=campaign.id, way="link", number=LEFT, day=began_at.date())
    )
    db.session.commit()


def _finish(campaign: Campaign, began_at: datetime) -> None:
    campaign.state = CampaignState.SENT
    campaign.created_at = began_at - timedelta(days=2)
    campaign.updated_at = began_at - timedelta(hours=1)
    campaign.started_at = began_at
    campaign.finished_at = began_at + timedelta(seconds=41)


def _deliveries(campaign: Campaign, began_at: datetime) -> None:
    """Everybody who is there got it. Some left since, some were not to be reached: their rows point at nobody."""
    audience.snapshot(campaign)
    gone = {"campaign_id": campaign.id, "recipient_id": None}
    refused = {"state": DeliveryState.FAILED, "reply_code": 550, "reply_status": "5.1.1"}
    db.session.execute(
        update(Delivery)
        .where(Delivery.campaign_id == campaign.id)
        .values(state=DeliveryState.SENT, attempt=1, reply_code=250, updated_at=began_at)
    )
    taken = {"state": DeliveryState.SENT, "reply_code": 250, "reply_status": "2.0.0"}
    db.session.add_all(Delivery(**gone, **taken, attempt=1) for _ in range(LEFT))
    db.session.add_all(Delivery(**gone, **refused, attempt=1) for _ in range(UNREACHABLE))
    db.session.flush()


def _notes(campaign: Campaign, began_at: datetime, rng: random.Random) -> list[bytes]:
    """Return opens and clicks as the pixel and the redirect would have noted them."""
    ids = measurement.MeasurementIds.for_campaign(campaign.id)
    word = public_ids.spell(measurement.CAMPAIGN, campaign.id)
    first_hour = int(began_at.timestamp()) // 3600
    notes: list[str] = []
    measured = select(Recipient.id).where(Recipient.newsletter_id == campaign.newsletter_id, Recipient.measured)
    for recipient_id in db.session.execute(measured.order_by(Recipient.id)).scalars():
        person = ids.spell(recipient_id).partition("-")[2]
        if rng.random() < MACHINES:  # a gateway loads everything as soon as the mail is there
            notes += [f"{word} {link} {first_hour * HOUR_MS} {person} {BY_ITSELF}" for link in (0, 1, 2, 3)]
        if rng.random() > OPENING:
            continue
        # Most open on the first day, the others over the next two.
        hour = first_hour + int(rng.expovariate(1 / 6) if rng.random() < 0.7 else rng.uniform(9, 47))
        notes += [f"{word} 0 {(hour + again) * HOUR_MS} {person}" for again in range(rng.choice((1, 1, 1, 2, 3)))]
        if rng.random() < CLICKING:
            links = rng.choices((1, 2, 3), LINK_WEIGHTS, k=rng.choice((1, 1, 2, 3)))
            notes += [f"{word} {link} {hour * HOUR_MS} {person}" for link in links]
    return [note.encode() for note in notes]
