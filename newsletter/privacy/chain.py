"""The chain: links that follow each other by their seals, and vouch for receipts by the batch (P5).

A receipt is sealed when it is written; that it is there at all, and that none was slipped in, is what the chain shows.
An import makes a link per batch; what people do one by one is linked within seconds by a worker, so that nobody who
confirms or leaves waits for anyone else.
"""

import hashlib
import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from newsletter.core.db import db, utcnow
from newsletter.privacy import seals
from newsletter.privacy.models import Receipt, ReceiptLink, ReceiptTombstone

log = logging.getLogger(__name__)

WRITTEN, CLOSED = "written", "closed"
LOCK = 0x6E6C7263  # "nlrc"
BATCH = 5000
Leaf = tuple[int, bytes]


def content(leaves: Iterable[Leaf]) -> bytes:
    """Return what a link holds of its receipts: one digest over ids and seals, which come in the order of the ids."""
    made = hashlib.sha256()
    for receipt_id, sealed in leaves:
        made.update(receipt_id.to_bytes(8, "big") + sealed)
    return made.digest()


def append(what: str, leaves: list[Leaf]) -> int:
    """Add a link over these receipts and return its number. The caller commits soon: others wait for it until then."""
    _lock()
    last = db.session.execute(
        select(ReceiptLink.number, ReceiptLink.seal).order_by(ReceiptLink.number.desc()).limit(1)
    ).first()
    number, before = (last[0] + 1, last[1]) if last else (1, b"")
    values = {"number": number, "at": utcnow(), "what": what, "size": len(leaves), "content": content(sorted(leaves))}
    sealed = seals.seal("link", values, before)
    db.session.add(ReceiptLink(**values, seal=sealed))
    db.session.flush()
    # In a log that is kept elsewhere, this shows later that the chain was not cut off (`proof --verify --head`).
    log.info("the chain of receipts ends at %s:%s", number, sealed.hex())
    return number


def _lock() -> None:
    db.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def link_new() -> int:
    """Link what was written or closed since the last time; commits, batch by batch; return how many there were."""
    return _link_all(WRITTEN) + _link_all(CLOSED)


def _link_all(what: str) -> int:
    total = 0
    while number := _link_some(what):
        total += number
    return total


def _link_some(what: str) -> int:
    sealed, link = columns(what)
    # Before any row: an import that holds the chain may be waiting for someone who is just leaving.
    _lock()
    new = db.session.execute(
        select(Receipt.id, sealed)
        .where(sealed.is_not(None), link.is_(None))
        .order_by(Receipt.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    if new:
        number = append(what, [(row[0], row[1]) for row in new])
        ids = [row[0] for row in new]
        db.session.execute(update(Receipt).where(Receipt.id.in_(ids)).values({link: number}))
    db.session.commit()
    return len(new)


def columns(what: str) -> tuple[InstrumentedAttribute[Any], InstrumentedAttribute[Any]]:
    """Return the columns of a receipt that hold the seal and the link of what was done."""
    if what == WRITTEN:
        return Receipt.seal, Receipt.written_link
    return Receipt.closing_seal, Receipt.closed_link


def delete_receipts(condition: ColumnElement[bool]) -> int:
    """Delete receipts, and leave of each that stands in a link what the link needs; return how many. The caller
    commits."""
    gone = db.session.execute(
        delete(Receipt)
        .where(condition)
        .returning(Receipt.id, Receipt.written_link, Receipt.seal, Receipt.closed_link, Receipt.closing_seal)
        .execution_options(synchronize_session=False)
    ).all()
    left = [dict(zip(seals.GONE, row, strict=True)) for row in gone if row[1] is not None or row[3] is not None]
    if left:
        rows = [values | {"tombstone_seal": seals.seal("gone", values)} for values in left]
        db.session.execute(insert(ReceiptTombstone), rows)
    return len(gone)
