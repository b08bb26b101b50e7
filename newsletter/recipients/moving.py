"""Moving a recipient to another address, with a receipt that names the new one.

The consent is the same: the receipt of the old address is closed, and the new one names the wording of that one. What
was mailed before keeps its link to leave, which says nothing of the address.
"""

import logging
from datetime import datetime

import psycopg
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from newsletter.core.db import db, utcnow
from newsletter.mail import address
from newsletter.privacy import receipts
from newsletter.privacy.models import Receipt
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients.erasing import SENDERS_WAIT
from newsletter.recipients.models import Newsletter, Recipient

log = logging.getLogger(__name__)

METHOD = WAY = "address"
SOURCE = "preferences"


def move(recipient: Recipient, email: str, *, wish: bytes, requested_at: datetime, mailed_at: datetime | None) -> bool:
    """Give the recipient another address; return False when it moved meanwhile, or the address is on the newsletter.

    `email` is as `address.parse` returns it; `wish` is a digest that names the request: it is good for one move. The
    caller commits, or rolls back after False, and then calls `wait_for_senders`.
    """
    before, now = _receipt_of(recipient), utcnow()
    receipt_id = None
    if before is not None:
        slug = db.session.get_one(Newsletter, recipient.newsletter_id).slug
        fields = _fields(before, wish, requested_at, mailed_at)
        receipt_id = receipts.write(recipient.newsletter_id, slug, email, fields)
        if receipt_id is None:
            return False
        receipts.close(before.id, WAY)
    try:
        moved = db.session.execute(
            update(Recipient)
            .where(Recipient.id == recipient.id, Recipient.address_digest == recipient.address_digest)
            .values(
                address_sealed=address.seal(email),
                address_digest=address.digest(email),
                address_changed_at=now,
                receipt_id=receipt_id,
            )
            .returning(Recipient.id)
            .execution_options(synchronize_session=False)
        ).first()
    except IntegrityError:
        return False
    return moved is not None


def wait_for_senders(link_key: bytes) -> None:
    """Wait until the mails in hand, which still go to the old address, are out; at most as long as who leaves does.

    Those that begin after the move has been committed go to the new one. Ends the transaction.
    """
    try:
        db.session.execute(text(f"SET LOCAL lock_timeout = '{SENDERS_WAIT}'"))
        db.session.execute(select(Recipient.id).where(Recipient.link_key == link_key).with_for_update())
    except OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        log.warning("a mail in hand may still go out as things were before")
    db.session.rollback()


def _receipt_of(recipient: Recipient) -> Receipt | None:
    return db.session.get(Receipt, recipient.receipt_id) if recipient.receipt_id is not None else None


def _fields(before: Receipt, wish: bytes, requested_at: datetime, mailed_at: datetime | None) -> ReceiptFields:
    return ReceiptFields(
        signup_digest=wish,
        consent_wording=before.consent_wording,
        privacy_wording=before.privacy_wording,
        language=before.language,
        source=SOURCE,
        method=METHOD,
        measurement=before.measurement,
        requested_at=requested_at,
        mailed_at=mailed_at,
        confirmed_at=utcnow(),
    )
