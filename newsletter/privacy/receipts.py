"""Receipts: that someone agreed, to what and when (Art. 7(1) GDPR). They outlive the address, which they name
only by a digest under a key of its own, and are deleted when no claim can be made any more."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from newsletter.core import digests
from newsletter.core.db import db, utcnow
from newsletter.core.keys import lasting
from newsletter.mail import address
from newsletter.privacy import chain, seals
from newsletter.privacy.models import Receipt

PURPOSE = lasting("receipt.address")
YEARS_KEPT = 3
"""Claims lapse three years after the end of the year in which they arose (sec. 195, 199 BGB)."""
CLOSE = """
    UPDATE receipt SET closed_at = :closed_at, close_reason = :close_reason, delete_after = :delete_after,
                       closing_seal = :closing_seal
"""
"""Notes that a consent has ended: part of the statement that erases, which says whose. Its values: `closing`."""


@dataclass(frozen=True, kw_only=True)
class ReceiptFields:
    """What a receipt states besides newsletter and address.

    `signup_digest` names the wish that was confirmed: one wish makes one receipt, however often it is
    confirmed. `method` says how (`link`, `import`), `measurement` what was agreed (`all yes no off`).
    """

    consent_wording: bytes
    language: str
    source: str
    method: str
    measurement: str
    requested_at: datetime
    confirmed_at: datetime
    privacy_wording: bytes | None = None
    mailed_at: datetime | None = None
    signup_digest: bytes = field(default_factory=lambda: secrets.token_bytes(32))


def write(newsletter_id: int, slug: str, email: str, fields: ReceiptFields) -> int | None:
    """Add a receipt and return its id; None when there is one for this wish already. The caller commits.

    Two that confirm one wish at the same moment wait for each other here.
    """
    values = contents(slug, email, fields)
    row = insert(Receipt).values(newsletter_id=newsletter_id, **values, seal=seals.seal("written", values))
    return db.session.execute(
        row.on_conflict_do_nothing(index_elements=["signup_digest"]).returning(Receipt.id)
    ).scalar_one_or_none()


def contents(slug: str, email: str, fields: ReceiptFields) -> dict[str, Any]:
    """Return what a receipt says, by column: all that its seal covers."""
    digest = digests.digest(PURPOSE, address.canonical(email))
    return {"newsletter_slug": slug, "address_digest": digest, **vars(fields)}


def discard(receipt_id: int) -> None:
    """Take back a receipt written in this same transaction."""
    chain.delete_receipts(Receipt.id == receipt_id)


def closing(receipt_id: int | None, reason: str, at: datetime | None = None) -> dict[str, Any]:
    """Return what `CLOSE` asks for, if the consent ends `at` (default: now): when, why, kept until when, sealed."""
    at = at or utcnow()
    values = {"closed_at": at, "close_reason": reason, "delete_after": kept_until(at)}
    sealed = seals.seal("closed", values | {"id": receipt_id}) if receipt_id is not None else None
    return {**values, "receipt_id": receipt_id, "closing_seal": sealed}


def close(receipt_id: int, reason: str) -> None:
    """Note that a consent has ended by something else than erasing. The caller commits."""
    db.session.execute(text(f"{CLOSE} WHERE id = :receipt_id AND closed_at IS NULL"), closing(receipt_id, reason))


def kept_until(closed_at: datetime) -> datetime:
    """Return the end of the third calendar year after that of `closed_at`."""
    return datetime(closed_at.astimezone(UTC).year + YEARS_KEPT + 1, 1, 1, tzinfo=UTC)


def left_since(newsletter_id: int, email: str, moment: datetime) -> bool:
    """Return whether someone with this address left this newsletter at `moment` or later."""
    closed = select(Receipt.id).where(
        Receipt.newsletter_id == newsletter_id,
        Receipt.address_digest.in_(digests.digests(PURPOSE, address.canonical(email))),
        Receipt.closed_at >= moment,
    )
    return db.session.execute(closed.limit(1)).first() is not None


def delete_outlived() -> int:
    """Delete the receipts whose time is up, commit, and return how many they were."""
    gone = chain.delete_receipts(Receipt.delete_after < func.now())
    db.session.commit()
    return gone
