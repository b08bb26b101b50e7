"""Recipients, as many as one likes, stored as an import stores them: sealed, with a receipt each."""

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from newsletter.core import bulk
from newsletter.core.db import db, utcnow
from newsletter.demo import people
from newsletter.mail import address
from newsletter.privacy import receipts_in_bulk, wordings
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients import newsletters
from newsletter.recipients.links import KEY_OCTETS
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person

BATCH = 5_000
COLUMNS = (
    "newsletter_id", "address_sealed", "address_digest", "name_sealed", "link_key", "language", "measured",
    "receipt_id",
)  # fmt: skip
CONSENT = "Ich möchte den Newsletter erhalten. Ich kann jederzeit gehen."
IMPRINT = "Stadtwerke Musterstadt GmbH\nMusterweg 1\n12345 Musterstadt\nTelefon 0123 4567-0"
SAMPLE = ("erika.musterfrau@example.org", Person("ms", "Dr.", "Erika", "Musterfrau"))


@dataclass(frozen=True)
class Crowd:
    """A newsletter and how many recipients it has."""

    newsletter_id: int
    slug: str
    number: int


def newsletter(slug: str) -> Newsletter:
    """Store a newsletter of the fictional Stadtwerke Musterstadt, who measure everyone."""
    values = {
        "slug": slug,
        "title": "Meine Stadtwerke",
        "from_name": "Stadtwerke Musterstadt",
        "from_address": "newsletter@stadtwerke-musterstadt.example",
        "imprint": IMPRINT,
        "consent_text": CONSENT,
        "measurement": "all",
    }
    return newsletters.create(values)


def crowd(number: int) -> Crowd:
    """Store a newsletter with so many recipients, and bring the database's statistics up to date."""
    made = newsletter(f"crowd-{number}-{secrets.token_hex(3)}")
    everybody = people.invent(number, random.Random(number))  # noqa: S311  # the same at every run; nothing secret
    fill(made, everybody)
    return Crowd(made.id, made.slug, number)


def fill(made: Newsletter, everybody: Iterator[tuple[str, Person]]) -> None:
    """Store these people as recipients, batch by batch."""
    wording = wordings.store(wordings.IMPORT, made.language, CONSENT)
    newsletter_id, slug = made.id, made.slug
    while batch := list(islice(everybody, BATCH)):
        _store(newsletter_id, slug, wording, batch)
        db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(db.text("VACUUM (ANALYZE) recipient, receipt, delivery"))


def _store(newsletter_id: int, slug: str, wording: bytes, batch: list[tuple[str, Person]]) -> None:
    now = utcnow()
    emails = [email for email, _person in batch]
    fields = [
        ReceiptFields(
            consent_wording=wording, language="de", source="import", method="import", measurement="all",
            requested_at=now, confirmed_at=now,
        )
        for _person in batch
    ]  # fmt: skip
    receipt_ids = receipts_in_bulk.write(newsletter_id, slug, emails, fields)
    rows = (
        (
            newsletter_id, address.seal(email), address.digest(email), person.sealed(),
            secrets.token_bytes(KEY_OCTETS), "de", True, receipt_id,
        )
        for (email, person), receipt_id in zip(batch, receipt_ids, strict=True)
    )  # fmt: skip
    bulk.copy(Recipient, COLUMNS, rows)
