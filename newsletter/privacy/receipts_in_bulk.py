"""Receipts of many people at once, for an import: set by set instead of one by one."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import delete, select

from newsletter.core import digests
from newsletter.core.bulk import insert_columns
from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy.models import Receipt
from newsletter.privacy.receipts import PURPOSE, ReceiptFields

_FIELDS = [field.name for field in fields(ReceiptFields)]


def write(newsletter_id: int, slug: str, emails: Sequence[str], receipts: Sequence[ReceiptFields]) -> list[int]:
    """Add a receipt for each address and return their ids in the same order. The caller commits."""
    columns: dict[str, list[Any]] = {
        "newsletter_id": [newsletter_id] * len(emails),
        "newsletter_slug": [slug] * len(emails),
        "address_digest": [digests.digest(PURPOSE, address.canonical(email)) for email in emails],
    }
    columns |= {name: [getattr(receipt, name) for receipt in receipts] for name in _FIELDS}
    query = insert_columns(Receipt, columns).returning(Receipt.signup_digest, Receipt.id)
    ids = dict(db.session.execute(query).all())
    return [ids[receipt.signup_digest] for receipt in receipts]


def discard(receipt_ids: Collection[int]) -> None:
    """Take back receipts written in this same transaction."""
    if receipt_ids:
        db.session.execute(delete(Receipt).where(Receipt.id.in_(receipt_ids)))


def left_before(newsletter_id: int, emails: Collection[str]) -> set[str]:
    """Return those of the addresses with which someone once left this newsletter (as far as receipts go back)."""
    by_digest = {digest: email for email in emails for digest in digests.digests(PURPOSE, address.canonical(email))}
    closed = select(Receipt.address_digest).where(
        Receipt.newsletter_id == newsletter_id,
        Receipt.closed_at.is_not(None),
        Receipt.address_digest.in_(by_digest),
    )
    return {by_digest[digest] for digest in db.session.execute(closed).scalars()}
