"""Importing recipients whose consent was given elsewhere: the evidence becomes the wording of their receipts.

Batch by batch: a batch is wholly in or not at all, and the same file can be imported again after a
failure. Nobody is mailed, and nobody who has left is brought back.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, func, select

from newsletter.core import bulk
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Invalid
from newsletter.core.i18n import LANGUAGES
from newsletter.core.i18n import gettext as _
from newsletter.mail import address
from newsletter.privacy import receipts_in_bulk, wordings
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients.links import KEY_OCTETS
from newsletter.recipients.models import Measurement, Newsletter, Recipient
from newsletter.recipients.person import Person
from newsletter.recipients.reading import Row

BATCH = 2000
MAX_EVIDENCE = 5000
_COLUMNS = (
    "newsletter_id", "address_sealed", "address_digest", "name_sealed", "link_key", "language", "measured",
    "receipt_id",
)  # fmt: skip
_SALUTATIONS = {"frau": "ms", "herr": "mr"}
_MEASURED = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass
class Summary:
    """What became of the rows of a file, in numbers."""

    imported: int = 0
    subscribed: int = 0
    twice: int = 0
    left: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class Candidate:
    """A good row."""

    email: str
    person: Person
    language: str
    measured: bool | None


def run(newsletter: Newsletter, rows: Iterable[Row], evidence: str, complain: Callable[[int, str], None]) -> Summary:
    """Import `rows`, committing every `BATCH` of them, and return what became of them.

    `complain` gets line and reason of every row that is wrong; neither says the address. Raises `Invalid` for
    `consent` when the evidence is missing, and whatever `rows` raises.
    """
    language = newsletter.language
    work = _Import(newsletter, evidence)
    for row in rows:
        try:
            work.take(_candidate(row, language))
        except Invalid as error:
            work.summary.wrong += 1
            complain(row.line, "; ".join(f"{name}: {text}" if name else text for name, text in error.errors.items()))
    work.store()
    return work.summary


def _candidate(row: Row, language: str) -> Candidate:
    if row.problem:
        raise Invalid({"": row.problem})
    values = {name: value.strip() for name, value in row.values.items()}
    errors: dict[str, str] = {}
    email, person = "", Person()
    try:
        email = address.parse(values.get("email", ""))
    except Invalid as error:
        errors |= error.errors
    salutation = values.get("salutation", "").lower()
    try:
        person = Person.parse(values | {"salutation": _SALUTATIONS.get(salutation, salutation)})
    except Invalid as error:
        errors |= error.errors
    spoken = values.get("language", "").lower() or language
    if spoken not in LANGUAGES:
        errors["language"] = _('Please choose "de" or "en".')
    if values.get("measured", "").lower() not in _MEASURED:
        errors["measured"] = _("This must be true or false.")
    if errors:
        raise Invalid(errors)
    return Candidate(email, person, spoken, _MEASURED[values.get("measured", "").lower()])


class _Import:
    """The batch in hand, and what was done so far."""

    def __init__(self, newsletter: Newsletter, evidence: str) -> None:
        evidence = evidence.strip()
        if not evidence or len(evidence) > MAX_EVIDENCE or "\0" in evidence:
            text = _(
                "Please say how, when and to what these people agreed, in up to %(number)s characters.",
                number=MAX_EVIDENCE,
            )
            raise Invalid({"consent": text})
        self.summary = Summary()
        self._newsletter = newsletter
        self._id, self._slug = newsletter.id, newsletter.slug
        self._measurement = newsletter.measurement
        self._wording = wordings.store(wordings.IMPORT, newsletter.language, evidence)
        self._began_at: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
        self._batch: dict[str, Candidate] = {}
        db.session.commit()

    def take(self, candidate: Candidate) -> None:
        """Put one row into the batch, and store the batch when it is full."""
        key = address.canonical(candidate.email)
        if key in self._batch:
            self.summary.twice += 1
            return
        self._batch[key] = candidate
        if len(self._batch) == BATCH:
            self.store()

    def store(self) -> None:
        """Admit the batch: whoever is there or has left is passed over. Commits."""
        batch, self._batch = self._batch, {}
        there = self._there(batch)
        self.summary.twice += sum(since >= self._began_at for since in there.values())
        self.summary.subscribed += sum(since < self._began_at for since in there.values())
        left = receipts_in_bulk.left_before(self._id, batch.keys() - there.keys())
        self.summary.left += len(left)
        fresh = [candidate for key, candidate in batch.items() if key not in there and key not in left]
        admitted = self._admit(fresh) if fresh else 0
        self.summary.imported += admitted
        self.summary.subscribed += len(fresh) - admitted
        db.session.commit()

    def _there(self, batch: dict[str, Candidate]) -> dict[str, datetime]:
        """Return who of the batch is a recipient already, and since when."""
        by_digest = {digest: key for key in batch for digest in address.all_digests(key)}
        rows = db.session.execute(
            select(Recipient.address_digest, Recipient.confirmed_at).where(
                Recipient.newsletter_id == self._id,
                Recipient.address_digest == any_(bindparam("digests", list(by_digest), type_=ARRAY(LargeBinary))),
            )
        )
        return {by_digest[digest]: since for digest, since in rows if digest is not None}

    def _admit(self, fresh: list[Candidate]) -> int:
        """Add recipients and receipts; return how many, as someone may have confirmed in this very moment."""
        fields = [self._receipt(candidate) for candidate in fresh]
        receipt_ids = receipts_in_bulk.write(self._id, self._slug, [each.email for each in fresh], fields)
        rows = (
            (
                self._id,
                address.seal(each.email),
                address.digest(each.email),
                each.person.sealed(),
                secrets.token_bytes(KEY_OCTETS),
                each.language,
                self._is_measured(each),
                receipt_id,
            )
            for each, receipt_id in zip(fresh, receipt_ids, strict=True)
        )
        used = bulk.copy_new(Recipient, _COLUMNS, rows, "receipt_id")
        receipts_in_bulk.discard(set(receipt_ids).difference(used))
        return len(used)

    def _is_measured(self, candidate: Candidate) -> bool:
        """Return whether they are measured: not who objected, and with `ask` only who is said to have agreed."""
        by_default = self._measurement == Measurement.ALL
        return self._measurement != Measurement.OFF and (
            by_default if candidate.measured is None else candidate.measured
        )

    def _receipt(self, candidate: Candidate) -> ReceiptFields:
        now = utcnow()
        answer = "yes" if self._is_measured(candidate) else "no"
        return ReceiptFields(
            consent_wording=self._wording,
            language=candidate.language,
            source="import",
            method="import",
            measurement=answer if self._measurement == Measurement.ASK else self._measurement.value,
            requested_at=now,
            confirmed_at=now,
        )
