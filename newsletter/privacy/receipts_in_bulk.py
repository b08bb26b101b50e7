"""Receipts of many people at once, for an import: set by set instead of one by one."""

from collections.abc import Collection, Sequence

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, func, select

from newsletter.core import bulk, digests
from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy import chain, receipts, seals
from newsletter.privacy.models import Receipt
from newsletter.privacy.receipts import PURPOSE, ReceiptFields

_COLUMNS = ["id", "newsletter_id", *seals.WRITTEN, "seal", "written_link"]


def write(newsletter_id: int, slug: str, emails: Sequence[str], fields: Sequence[ReceiptFields]) -> list[int]:
    """Add a receipt for each address, and one link of the chain for all; return their ids in the same order.

    The caller commits soon: whoever else adds to the chain waits for it.
    """
    ids = _fresh_ids(len(emails))
    contents = [receipts.contents(slug, email, each) for email, each in zip(emails, fields, strict=True)]
    sealed = [seals.seal("written", values) for values in contents]
    number = chain.append(chain.WRITTEN, list(zip(ids, sealed, strict=True)))
    rows = (
        (key, newsletter_id, *[values[name] for name in seals.WRITTEN], seal, number)
        for key, values, seal in zip(ids, contents, sealed, strict=True)
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
        chain.delete_receipts(Receipt.id.in_(receipt_ids))


def left_before(newsletter_id: int, emails: Collection[str]) -> set[str]:
    """Return those of the addresses with which someone once left this newsletter (as far as receipts go back)."""
    by_digest = {digest: email for email in emails for digest in digests.digests(PURPOSE, address.canonical(email))}
    closed = select(Receipt.address_digest).where(
        Receipt.newsletter_id == newsletter_id,
        Receipt.closed_at.is_not(None),
        Receipt.address_digest == any_(bindparam("digests", list(by_digest), type_=ARRAY(LargeBinary))),
    )
    return {by_digest[digest] for digest in db.session.execute(closed).scalars()}
