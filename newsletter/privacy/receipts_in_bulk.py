"""Receipts of many people at once, for an import: set by set instead of one by one."""

from collections.abc import Collection, Sequence
from dataclasses import fields

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, delete, func, select

from newsletter.core import bulk, digests
from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy.models import Receipt
from newsletter.privacy.receipts import PURPOSE, ReceiptFields

_FIELDS = [field.name for field in fields(ReceiptFields)]
_COLUMNS = ["id", "newsletter_id", "newsletter_slug", "address_digest", *_FIELDS]


def write(newsletter_id: int, slug: str, emails: Sequence[str], receipts: Sequence[ReceiptFields]) -> list[int]:
    """Add a receipt for each address and return their ids in the same order. The caller commits."""
    ids = _fresh_ids(len(emails))
    rows = (
        (
            key,
            newsletter_id,
            slug,
            digests.digest(PURPOSE, address.canonical(email)),
            *[getattr(receipt, name) for name in _FIELDS],
        )
        for key, email, receipt in zip(ids, emails, receipts, strict=True)
    )
    bulk.copy(Receipt, _COLUMNS, rows)
    return ids


def _fresh_ids(number: int) -> list[int]:
    sequence = func.pg_get_serial_sequence(Receipt.__tablename__, "id")
    query = select(func.nextval(sequence)).select_from(func.generate_series(1, number))
    return list(db.session.execute(query).scalars())


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
        Receipt.address_digest == any_(bindparam("digests", list(by_digest), type_=ARRAY(LargeBinary))),
    )
    return {by_digest[digest] for digest in db.session.execute(closed).scalars()}
