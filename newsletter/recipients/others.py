"""The newsletters that one address is on, found by its digest, and those that it could join.

The rows themselves know nothing of each other.
"""

from dataclasses import dataclass

from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.mail import address
from newsletter.recipients.models import Newsletter, Recipient


@dataclass(frozen=True)
class Subscription:
    """One newsletter that an address is on."""

    title: str
    slug: str
    link_key: bytes


def of(email: str, besides: int = 0) -> list[Subscription]:
    """Return what the address is subscribed to, by title; without the newsletter whose id is `besides`."""
    rows = db.session.execute(
        select(Newsletter.title, Newsletter.slug, Recipient.link_key)
        .join(Recipient, Recipient.newsletter_id == Newsletter.id)
        .where(Recipient.address_digest.in_(address.all_digests(email)), Newsletter.id != besides)
        .order_by(func.lower(Newsletter.title))
    )
    return [Subscription(*row) for row in rows]


def joinable(email: str) -> list[Newsletter]:
    """Return the newsletters that the address is not on, by title."""
    there = select(Recipient.newsletter_id).where(Recipient.address_digest.in_(address.all_digests(email)))
    query = select(Newsletter).where(Newsletter.id.not_in(there)).order_by(func.lower(Newsletter.title))
    return list(db.session.execute(query).scalars())
