"""Proving a consent: who claims not to have agreed names the address, and its digest finds the receipts (P5)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from newsletter.core import digests, rfc3339
from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy import wordings
from newsletter.privacy.models import Receipt
from newsletter.privacy.receipts import PURPOSE


@dataclass(frozen=True)
class Proof:
    """One receipt, with the very words that were agreed to."""

    receipt: Receipt
    consent: str
    privacy: str | None

    def text(self) -> str:
        """Return the receipt as text in English, to print and to hand over."""
        receipt = self.receipt
        lines = [
            f"Receipt {receipt.id}: newsletter {receipt.newsletter_slug}",
            f"  asked for    {_time(receipt.requested_at)} by {receipt.source}, in {receipt.language}",
            f"  mailed       {_time(receipt.mailed_at)}",
            f"  confirmed    {_time(receipt.confirmed_at)} by {receipt.method}",
            f"  measurement  {receipt.measurement}",
            f"  ended        {_ended(receipt)}",
            f"  agreed to (SHA-256 {receipt.consent_wording.hex()}):",
            *_quoted(self.consent),
        ]
        if self.privacy is not None and receipt.privacy_wording is not None:
            lines += [f"  privacy statement (SHA-256 {receipt.privacy_wording.hex()}):", *_quoted(self.privacy)]
        return "\n".join(lines)


def of(email: str) -> list[Proof]:
    """Return the proofs of all consents given with this address, oldest first; `email` as `address.parse` gives it."""
    mine = digests.digests(PURPOSE, address.canonical(email))
    query = select(Receipt).where(Receipt.address_digest.in_(mine)).order_by(Receipt.confirmed_at, Receipt.id)
    return [_proof(receipt) for receipt in db.session.execute(query).scalars()]


def _proof(receipt: Receipt) -> Proof:
    privacy = wordings.text_of(receipt.privacy_wording) if receipt.privacy_wording is not None else None
    return Proof(receipt, wordings.text_of(receipt.consent_wording) or "", privacy)


def _time(at: datetime | None) -> str:
    return rfc3339.show(at) or "-"


def _ended(receipt: Receipt) -> str:
    if receipt.closed_at is None:
        return "-"
    return f"{_time(receipt.closed_at)} by {receipt.close_reason}; kept until {_time(receipt.delete_after)}"


def _quoted(text: str) -> list[str]:
    return [f"    | {line}" for line in text.splitlines()]
