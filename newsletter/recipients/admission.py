"""Admission: the one way in which a recipient comes to be, with the receipt of the consent behind it."""

import secrets

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy import receipts
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients.links import KEY_OCTETS
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person


def admit(
    newsletter: Newsletter, email: str, person: Person, *, language: str, measured: bool, receipt: ReceiptFields
) -> bytes | None:
    """Add a recipient and the receipt; return the key of their links. None, and no change, when they are there already.

    `email` is as `address.parse` returns it. The caller commits. Safe when several do it at once: one of them
    gets a key. None also means that this very wish was confirmed before, whatever became of the recipient.
    """
    if find(newsletter.id, email) is not None:
        return None
    receipt_id = receipts.write(newsletter.id, newsletter.slug, email, receipt)
    if receipt_id is None:
        return None
    row = insert(Recipient).values(
        newsletter_id=newsletter.id,
        address_sealed=address.seal(email),
        address_digest=address.digest(email),
        name_sealed=person.sealed(),
        link_key=secrets.token_bytes(KEY_OCTETS),
        language=language,
        measured=measured,
        receipt_id=receipt_id,
    )
    # Another wish of the same person may have been confirmed since the look above.
    admitted = db.session.execute(row.on_conflict_do_nothing().returning(Recipient.link_key)).scalar_one_or_none()
    if admitted is None:
        receipts.discard(receipt_id)
    return admitted


def find(newsletter_id: int, email: str) -> Recipient | None:
    """Return the recipient with this address on the newsletter, under whichever key it was stored."""
    # While SECRET_KEY is being changed, processes with and without the new one may run side by side.
    return (
        db.session.execute(
            select(Recipient)
            .where(Recipient.newsletter_id == newsletter_id, Recipient.address_digest.in_(address.all_digests(email)))
            .order_by(Recipient.id)
            .limit(1)
        )
        .scalars()
        .first()
    )
