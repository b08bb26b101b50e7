"""Verifying: whether receipts, their chain and the texts they name are as they were written (P5). Reads only."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import select, union_all

from newsletter.core.db import db
from newsletter.privacy import chain, seals, wordings
from newsletter.privacy.models import Receipt, ReceiptLink, ReceiptTombstone, Wording

AT_ONCE = 5000
Group = tuple[bytes, int]


def problems(head: str = "") -> Iterator[str]:
    """Yield what is wrong, in English, by the numbers of receipts and links; addresses are not known here.

    `head` is an end of the chain that was noted earlier (`NUMBER:SEAL`): a database that was set back as a whole
    is whole, and only shows in that it has no such link any more.
    """
    yield from _texts()
    yield from _receipts()
    yield from _tombstones()
    yield from _links()
    if head and head not in _ends():
        yield f"the chain has no link {head}: it was cut off, set back or made anew since that was noted"


def end() -> str:
    """Return the chain's last link as `NUMBER:SEAL`, to be noted elsewhere; empty when there is none."""
    query = select(ReceiptLink.number, ReceiptLink.seal).order_by(ReceiptLink.number.desc()).limit(1)
    last = db.session.execute(query).first()
    return f"{last[0]}:{last[1].hex()}" if last else ""


def _ends() -> set[str]:
    return {f"{row[0]}:{row[1].hex()}" for row in db.session.execute(select(ReceiptLink.number, ReceiptLink.seal))}


def _texts() -> Iterator[str]:
    for digest, kind, language, text in db.session.execute(
        select(Wording.digest, Wording.kind, Wording.language, Wording.text)
    ):
        if wordings.digest(kind, language, text) != digest:
            yield f"text {digest.hex()}: is not the one that was shown"


def _receipts() -> Iterator[str]:
    names = ["id", *seals.WRITTEN, "closed_at", "close_reason", "delete_after", "seal", "closing_seal"]
    for row in _rows([getattr(Receipt, name) for name in names]):
        if not seals.holds("written", row, row["seal"]):
            yield f"receipt {row['id']}: is not as it was written"
        ended = [row[name] for name in ("closed_at", "close_reason", "delete_after", "closing_seal")]
        if any(ended) and not seals.holds("closed", row, row["closing_seal"]):
            yield f"receipt {row['id']}: its end is not as it was noted"


def _tombstones() -> Iterator[str]:
    names = [*seals.GONE, "tombstone_seal"]
    for row in _rows([getattr(ReceiptTombstone, name) for name in names]):
        if not seals.holds("gone", row, row["tombstone_seal"]):
            yield f"receipt {row['receipt_id']}: was not deleted by this service"


def _rows(columns: list[Any]) -> Iterator[dict[str, Any]]:
    query = select(*columns).order_by(columns[0]).execution_options(yield_per=AT_ONCE)
    for row in db.session.execute(query).mappings():
        yield dict(row)


def _links() -> Iterator[str]:
    groups = {what: _groups(what) for what in (chain.WRITTEN, chain.CLOSED)}
    before, expected = b"", 1
    for row in _rows([getattr(ReceiptLink, name) for name in (*seals.LINK, "seal")]):
        number, what = row["number"], row["what"]
        if number != expected:
            yield f"links {expected} to {number - 1}: are gone"
        elif not seals.holds("link", row, row["seal"], before):
            yield f"link {number}: is not as it was written, or the one before is not"
        if groups.get(what, {}).pop(number, None) != (row["content"], row["size"]):
            yield f"link {number}: receipts that were {what} in it have been changed, taken out or put in"
        before, expected = row["seal"], number + 1
    for what, left in groups.items():
        for number in left:
            yield f"link {number}: does not exist, but receipts say they were {what} in it"


def _groups(what: str) -> dict[int, Group]:
    """Return the digest over the receipts of each link as they are now, tombstones included, and their number."""
    sealed, link = chain.columns(what)
    gone_seal = ReceiptTombstone.seal if what == chain.WRITTEN else ReceiptTombstone.closing_seal
    gone_link = ReceiptTombstone.written_link if what == chain.WRITTEN else ReceiptTombstone.closed_link
    there = select(link.label("link"), Receipt.id.label("id"), sealed.label("seal")).where(link.is_not(None))
    gone = select(gone_link, ReceiptTombstone.receipt_id, gone_seal).where(gone_link.is_not(None))
    both = union_all(there, gone).subquery()
    query = select(both).order_by(both.c.link, both.c.id).execution_options(yield_per=AT_ONCE)
    groups = {}
    for number, rows in groupby(db.session.execute(query), key=lambda row: row[0]):
        leaves = [(row[1], row[2] or b"") for row in rows]
        groups[number] = (chain.content(leaves), len(leaves))
    return groups
