"""Exporting the recipients of a newsletter: as CSV that a spreadsheet can open without harm, or as JSON."""

import csv
import json
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import select

from newsletter.core import rfc3339
from newsletter.core.db import db
from newsletter.mail import address
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person
from newsletter.recipients.reading import COLUMNS

AT_ONCE = 1000
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Value = str | bool | None
Row = dict[str, Value]


def recipients(newsletter: Newsletter) -> Iterator[Row]:
    """Yield every recipient with the values of `COLUMNS`, oldest first; memory stays flat."""
    query = (
        select(
            Recipient.address_sealed,
            Recipient.name_sealed,
            Recipient.language,
            Recipient.measured,
            Recipient.confirmed_at,
        )
        .where(Recipient.newsletter_id == newsletter.id, Recipient.address_sealed.is_not(None))
        .order_by(Recipient.id)
        .execution_options(yield_per=AT_ONCE)
    )
    opener = address.opener()
    for part in db.session.execute(query).partitions():
        for sealed, name, language, measured, confirmed_at in part:
            yield {
                "email": opener.open(sealed or b"").decode(),
                **Person.unsealed(name)._asdict(),
                "language": language,
                "measured": measured,
                "confirmed_at": rfc3339.show(confirmed_at),
            }


def write_csv(rows: Iterator[Row], file: TextIO) -> int:
    """Write a header and the rows (RFC 4180, every cell quoted); return how many rows there were.

    A spreadsheet runs a cell that starts with one of `= + - @` as a formula, and a name is what anyone
    cares to type: such a cell gets an apostrophe in front, which an import takes off again.
    """
    writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    number = 0
    for row in rows:
        writer.writerow({name: _guarded(_plain(value)) for name, value in row.items()})
        number += 1
    return number


def write_json(rows: Iterator[Row], file: TextIO) -> int:
    """Write an array of objects, one on a line; return how many there were."""
    file.write("[")
    number = 0
    for number, row in enumerate(rows, start=1):
        file.write(("\n" if number == 1 else ",\n") + json.dumps(row, ensure_ascii=False))
    file.write("\n]\n")
    return number


def _plain(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else value or ""


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_STARTS_A_FORMULA) else cell
