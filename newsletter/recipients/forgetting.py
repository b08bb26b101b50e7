"""Forgetting an address everywhere, at the request of its owner (Art. 17 GDPR)."""

from sqlalchemy import select

from newsletter.core.db import db
from newsletter.mail import address, outbox
from newsletter.recipients import erasing, undoing
from newsletter.recipients.models import Recipient

WAY = "request"


def forget(email: str) -> int:
    """Erase the address from every newsletter and from mail that waits; return how many rows went. Commits.

    `email` is as `address.parse` returns it.
    """
    undoing.bar(email)
    waiting = outbox.drop_mail_with(address.canonical(email))
    db.session.commit()
    keys = db.session.execute(
        select(Recipient.link_key).where(Recipient.address_digest.in_(address.all_digests(email)))
    ).scalars()
    return waiting + sum(erasing.erase(key, None, WAY) for key in list(keys))
