"""Things to test with: plain functions that store one thing, commit, and return it. Inside an app context.

Whatever a test does not say gets a value that is valid and different each time.
"""

import itertools
import secrets
from datetime import timedelta
from typing import Any

from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core.db import db, utcnow
from newsletter.mail import address
from newsletter.privacy import receipts, wordings
from newsletter.recipients import newsletters
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person

CONSENT = "Ich möchte den Newsletter erhalten. Ich kann jederzeit gehen."
IMPRINT = "Stadtwerke Musterstadt GmbH\nMusterweg 1\n12345 Musterstadt"

_numbers = itertools.count(1)


def make_newsletter(**values: Any) -> Newsletter:
    """Store a German newsletter of the fictional Stadtwerke Musterstadt."""
    number = next(_numbers)
    given = {
        "slug": f"newsletter-{number}",
        "title": "Meine Stadtwerke",
        "from_name": "Stadtwerke Musterstadt",
        "from_address": "news@stadtwerke-musterstadt.example",
        "imprint": IMPRINT,
        "consent_text": CONSENT,
        "language": "de",
    }
    return newsletters.create(given | values)


def make_recipient(
    newsletter: Newsletter | None = None,
    email: str | None = None,
    *,
    person: Person | None = None,
    measured: bool = True,
    language: str | None = None,
    with_receipt: bool = True,
) -> Recipient:
    """Store a confirmed recipient with a receipt; a newsletter is made when none is given."""
    newsletter = newsletter or make_newsletter()
    email = address.parse(email or f"person-{next(_numbers)}@example.org")
    language = language or newsletter.language
    receipt_id = make_receipt(newsletter, email, language=language) if with_receipt else None
    recipient = Recipient(
        newsletter_id=newsletter.id,
        address_sealed=address.seal(email),
        address_digest=address.digest(email),
        name_sealed=(person or Person()).sealed(),
        link_key=secrets.token_bytes(16),
        language=language,
        measured=measured,
        receipt_id=receipt_id,
    )
    db.session.add(recipient)
    db.session.commit()
    return recipient


def make_recipients(newsletter: Newsletter, number: int, **values: Any) -> list[Recipient]:
    """Store `number` recipients without receipts, quickly."""
    return [make_recipient(newsletter, with_receipt=False, **values) for _ in range(number)]


def make_receipt(newsletter: Newsletter, email: str, *, language: str = "de") -> int:
    """Add the receipt of a consent given by the link in the mail; return its id."""
    now = utcnow()
    fields = receipts.ReceiptFields(
        consent_wording=wordings.store(wordings.CONSENT, language, newsletter.consent_text),
        language=language,
        source="page",
        method="link",
        measurement="all",
        requested_at=now - timedelta(minutes=5),
        confirmed_at=now,
    )
    receipt_id = receipts.write(newsletter.id, newsletter.slug, email, fields)
    assert receipt_id is not None
    return receipt_id


def make_campaign(newsletter: Newsletter | None = None, **values: Any) -> Campaign:
    """Store a campaign, a draft with subject and text unless `values` say otherwise."""
    newsletter = newsletter or make_newsletter()
    given = {
        "subject": f"Ausgabe {next(_numbers)}",
        "preheader": "Was die Stadtwerke im November bewegt",
        "markdown": "# Neues im November\n\nLesen Sie [unsere Neuigkeiten](https://www.example.org/neues).",
        "state": CampaignState.DRAFT,
    }
    campaign = Campaign(newsletter_id=newsletter.id, **(given | values))
    db.session.add(campaign)
    db.session.commit()
    return campaign


def make_delivery(
    campaign: Campaign,
    recipient: Recipient | None = None,
    *,
    state: DeliveryState = DeliveryState.QUEUED,
    **values: Any,
) -> Delivery:
    """Store a delivery of the campaign to a recipient, who is made when not given."""
    if recipient is None:
        newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
        recipient = make_recipient(newsletter)
    delivery = Delivery(campaign_id=campaign.id, recipient_id=recipient.id, state=state, **values)
    db.session.add(delivery)
    db.session.commit()
    return delivery
