"""Proving a consent: who claims not to have agreed names the address, and its digest finds the receipts (P5).

A proof explains itself, to a court or an authority that has never seen this service: in German or English, as text or
as a page to print.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import select

from newsletter.core import digests, rfc3339
from newsletter.core.db import db, utcnow
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import speaking
from newsletter.mail import address
from newsletter.privacy import documents, seals, wordings
from newsletter.privacy.models import Receipt, ReceiptLink
from newsletter.privacy.receipts import PURPOSE

ZONE = ZoneInfo("Europe/Berlin")
Fact = tuple[str, str]


@dataclass(frozen=True)
class Proof:
    """One receipt, with the very words that were agreed to, and the link of the chain that it stands in."""

    receipt: Receipt
    consent: str
    privacy: str | None
    link: ReceiptLink | None

    @property
    def is_whole(self) -> bool:
        """Return whether the receipt is as it was written, by its seal."""
        said = {name: getattr(self.receipt, name) for name in seals.WRITTEN}
        return seals.holds("written", said, self.receipt.seal)

    def facts(self) -> list[Fact]:
        """Return what the receipt says, in the language in force: labels and values."""
        receipt = self.receipt
        return [
            (_("Newsletter"), receipt.newsletter_slug),
            (_("Asked for"), _time(receipt.requested_at)),
            (_("Where"), _source(receipt)),
            (_("Confirmation mail"), _mailed(receipt)),
            (_("Agreed"), _time(receipt.confirmed_at)),
            (_("How"), _method(receipt.method)),
            (_("Language"), {"de": _("German"), "en": _("English")}.get(receipt.language, receipt.language)),
            (_("Opens and clicks"), _measurement(receipt.measurement)),
            (_("Ended"), _ended(receipt)),
            (_("Seal"), receipt.seal.hex()),
            (_("Chain"), self._chain()),
            (_("Checked"), _("The receipt is as it was written.") if self.is_whole else _("THE RECEIPT WAS CHANGED.")),
        ]

    def brief(self) -> list[Fact]:
        """Return what its owner needs of it: words, times, number and seal."""
        receipt = self.receipt
        return [
            (_("Agreed to"), " ".join(self.consent.split())),
            (_("Asked for"), _time(receipt.requested_at)),
            (_("Agreed"), _time(receipt.confirmed_at)),
            (_("Number and seal"), f"{receipt.id}, {receipt.seal.hex()}"),
        ]

    def _chain(self) -> str:
        if self.link is None:
            return _("not linked yet")
        return _("link %(number)s of %(at)s", number=self.link.number, at=_time(self.link.at))

    def texts(self) -> list[tuple[str, str, str]]:
        """Return heading, name and words of every text that was shown."""
        receipt = self.receipt
        of_newsletter = _version(wordings.CONSENT, receipt.consent_wording, receipt)
        shown = [(_("Agreed to"), of_newsletter + _name(receipt.consent_wording), self.consent)]
        if self.privacy is not None and receipt.privacy_wording is not None:
            of_service = _version(wordings.PRIVACY, receipt.privacy_wording, receipt)
            name = of_service + _name(receipt.privacy_wording)
            shown.append((_("Privacy statement that was shown"), name, self.privacy))
        return shown


def of(email: str) -> list[Proof]:
    """Return the proofs of all consents given with this address, oldest first; `email` as `address.parse` gives it."""
    mine = digests.digests(PURPOSE, address.canonical(email))
    query = select(Receipt).where(Receipt.address_digest.in_(mine)).order_by(Receipt.confirmed_at, Receipt.id)
    return [_proof(receipt) for receipt in db.session.execute(query).scalars()]


def of_receipt(receipt_id: int | None) -> Proof | None:
    """Return the proof that this receipt is, if it is there."""
    receipt = db.session.get(Receipt, receipt_id) if receipt_id is not None else None
    return _proof(receipt) if receipt else None


def text(email: str, proofs: list[Proof], language: str) -> str:
    """Return the proofs as text, to print and to hand over."""
    return _render("proof/proof.txt", email, proofs, language).strip()


def html(email: str, proofs: list[Proof], language: str) -> str:
    """Return the proofs as one page that needs nothing else, made to be printed or saved as PDF (A4)."""
    return _render("proof/proof.html", email, proofs, language)


def _render(name: str, email: str, proofs: list[Proof], language: str) -> str:
    with speaking(language):
        values: dict[str, Any] = {"email": email, "proofs": proofs, "language": language, "now": _time(utcnow())}
        return current_app.jinja_env.get_template(name).render(service=current_app.config["PUBLIC_URL"], **values)


def _proof(receipt: Receipt) -> Proof:
    privacy = wordings.text_of(receipt.privacy_wording) if receipt.privacy_wording is not None else None
    link = db.session.get(ReceiptLink, receipt.written_link) if receipt.written_link is not None else None
    return Proof(receipt, wordings.text_of(receipt.consent_wording) or "", privacy, link)


def _time(at: datetime | None) -> str:
    if at is None:
        return "–"
    return f"{rfc3339.show(at)} ({at.astimezone(ZONE):%d.%m.%Y, %H:%M:%S %Z})"


def _name(digest: bytes) -> str:
    return f"SHA-256 {digest.hex()}"


def _version(kind: str, digest: bytes, receipt: Receipt) -> str:
    newsletter_id = receipt.newsletter_id if kind == wordings.CONSENT else None
    edition = documents.with_words(kind, digest, newsletter_id=newsletter_id, at=receipt.requested_at)
    return _("version %(number)s, ", number=edition.version) if edition else ""


def _mailed(receipt: Receipt) -> str:
    return _time(receipt.mailed_at) if receipt.mailed_at else _("none by this service")


def _source(receipt: Receipt) -> str:
    form = f"{current_app.config['PUBLIC_URL']}/n/{receipt.newsletter_slug}"
    words: dict[str, Callable[[], str]] = {
        "page": lambda: _("sign-up page %(url)s", url=form),
        "api": lambda: _("a form of the sender, by the interface of this service"),
        "import": lambda: _("elsewhere; brought in by the sender with the evidence below"),
        "preferences": lambda: _("page of the subscriber's own data, behind a link that only an e-mail held"),
    }
    return words.get(receipt.source, lambda: receipt.source)()


def _method(method: str) -> str:
    words = {
        "link": _("by an act on the page behind the link, which only the e-mail to this address held"),
        "import": _("elsewhere; brought in by the sender with the evidence below"),
        "undo": _("by undoing a departure within 15 minutes, on the page that followed it"),
        "address": _(
            "change of address, by an act on the page behind the link, which only the e-mail to this address held"
        ),
    }
    return words.get(method, method)


def _measurement(measurement: str) -> str:
    words = {
        "all": _("stated in the text that was agreed to"),
        "yes": _("asked separately, and agreed to"),
        "no": _("asked separately, and not agreed to"),
        "off": _("not measured"),
    }
    return words.get(measurement, measurement)


def _ended(receipt: Receipt) -> str:
    if receipt.closed_at is None:
        return _("not ended")
    return _(
        "%(at)s (%(reason)s); the receipt is kept until %(until)s",
        at=_time(receipt.closed_at),
        reason=receipt.close_reason,
        until=_time(receipt.delete_after),
    )
