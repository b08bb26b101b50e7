"""Undoing a departure: for a quarter of an hour, by a sealed copy that only the page after leaving holds.

Nothing waits on the server. Who comes back gets a receipt of their own, which names the wording of the one that was
closed: a closed receipt stays closed, and says when there was no consent.
"""

import logging
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from redis import RedisError

from newsletter.core import queues, tokens
from newsletter.core.db import db, utcnow
from newsletter.core.digests import digest, digests
from newsletter.core.errors import BadToken, Expired
from newsletter.core.i18n import gettext as _
from newsletter.core.sealing import Unsealable, seal_json, unseal_json
from newsletter.mail import address
from newsletter.privacy.models import Receipt
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients import admission
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person

log = logging.getLogger(__name__)

PURPOSE, MARK_PURPOSE = "unsubscribe.undo", "undo.forgotten"
PERIOD = timedelta(minutes=15)
METHOD = "undo"


def word(recipient: Recipient) -> str | None:
    """Return what brings this recipient back within `PERIOD` of their leaving now; None without a receipt."""
    receipt = db.session.get(Receipt, recipient.receipt_id) if recipient.receipt_id is not None else None
    if receipt is None:
        return None
    now = utcnow().timestamp()
    copy = [
        recipient.newsletter_id,
        address.unseal(recipient.address_sealed or b""),
        list(Person.unsealed(recipient.name_sealed)),
        recipient.language,
        recipient.measured,
        recipient.restricted_at.timestamp() if recipient.restricted_at else None,
        receipt.id,
        now,
        secrets.token_hex(16),
    ]
    return tokens.encode(seal_json(PURPOSE, copy))


def undo(undo_word: str) -> Newsletter:
    """Bring the recipient back, with the links in the mails they have made anew, and commit; once.

    Raises `BadToken`, or `Expired` when it is too late, was done before and left again, or the address was to be
    forgotten meanwhile.
    """
    newsletter_id, email, person, language, measured, restricted, receipt_id, left, secret = _opened(undo_word)
    newsletter, receipt = db.session.get(Newsletter, newsletter_id), db.session.get(Receipt, receipt_id)
    too_late = utcnow().timestamp() - left > PERIOD.total_seconds()
    if newsletter is None or receipt is None or too_late or _to_be_forgotten(email):
        raise Expired(_("It is too late to undo this. You can sign up again at any time."))
    fields = _fields(receipt, secret)
    admitted = admission.admit(newsletter, email, Person(*person), language=language, measured=measured, receipt=fields)
    back = admission.find(newsletter_id, email)
    if back is None:
        db.session.rollback()
        raise Expired(_("It is too late to undo this. You can sign up again at any time."))
    if admitted and restricted is not None:
        back.restricted_at = utcnow()
    db.session.commit()
    return newsletter


def bar(email: str) -> None:
    """Let no page that is still open bring this address back. While Redis is away, none does anyway."""
    try:
        queues.redis().set(_mark(digest(MARK_PURPOSE, address.canonical(email))), b"1", ex=PERIOD)
    except RedisError as error:
        log.warning("Redis is away (%s): who left just before being forgotten may still undo it", type(error).__name__)


def _to_be_forgotten(email: str) -> bool:
    try:
        marks = map(_mark, digests(MARK_PURPOSE, address.canonical(email)))
        return bool(queues.redis().exists(*marks))
    except RedisError:
        return True  # it can't be known, and one can sign up again


def _mark(made: bytes) -> str:
    return f"forgotten:{made.hex()[:32]}"


def _opened(undo_word: str) -> list[Any]:
    try:
        copy: list[Any] = unseal_json(PURPOSE, tokens.decode(undo_word))
    except Unsealable:
        raise BadToken("This link is not valid.") from None
    return copy


def _fields(receipt: Receipt, secret: str) -> ReceiptFields:
    now = utcnow()
    return ReceiptFields(
        signup_digest=sha256(bytes.fromhex(secret)).digest(),
        consent_wording=receipt.consent_wording,
        privacy_wording=receipt.privacy_wording,
        language=receipt.language,
        source="page",
        method=METHOD,
        measurement=receipt.measurement,
        requested_at=now,
        confirmed_at=now,
    )
