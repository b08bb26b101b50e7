"""What is stored of one address on every newsletter: for those who ask by letter or telephone, not by their link."""

from dataclasses import dataclass

from sqlalchemy import select

from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy import proof
from newsletter.privacy.proof import Proof
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person


@dataclass(frozen=True)
class Subscription:
    """One newsletter that the address is on, and what is stored for it."""

    newsletter: Newsletter
    recipient: Recipient
    person: Person


@dataclass(frozen=True)
class Found:
    """All that is stored of an address: where it is on, and the receipts of its consents, also of former ones."""

    email: str
    subscriptions: list[Subscription]
    proofs: list[Proof]


def of(email: str) -> Found:
    """Return it; `email` as `address.parse` returns it."""
    rows = db.session.execute(
        select(Newsletter, Recipient)
        .join(Recipient, Recipient.newsletter_id == Newsletter.id)
        .where(Recipient.address_digest.in_(address.all_digests(email)))
        .order_by(Newsletter.title)
    ).all()
    subscriptions = [
        Subscription(newsletter, recipient, Person.unsealed(recipient.name_sealed)) for newsletter, recipient in rows
    ]
    return Found(email, subscriptions, proof.of(email))
