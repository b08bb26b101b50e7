"""Exports: nothing in them runs, and nothing is lost on the way back."""

import csv
import io
import json
from pathlib import Path

from flask import Flask

from newsletter.core.db import db
from newsletter.recipients import exporting, importing, reading
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient


def exported(newsletter: Newsletter) -> str:
    output = io.StringIO(newline="")
    exporting.write_csv(exporting.recipients(newsletter), output)
    return output.getvalue()


def test_every_recipient_of_the_newsletter_is_there_and_no_other(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "a@example.org", person=Person("ms", "Dr.", "Kim", "Müller"), measured=False)
    make_recipient(newsletter, "b@example.org", language="en")
    make_recipient(make_newsletter(), "other@example.org")

    rows = list(csv.DictReader(io.StringIO(exported(newsletter))))

    assert [row["email"] for row in rows] == ["a@example.org", "b@example.org"]
    assert rows[0].items() >= {"title": "Dr.", "last_name": "Müller", "language": "de", "measured": "false"}.items()
    assert rows[1].items() >= {"title": "", "salutation": "", "language": "en", "measured": "true"}.items()


def test_who_is_just_leaving_is_not_exported(app: Flask) -> None:
    newsletter = make_newsletter()
    gone = db.session.get_one(Recipient, make_recipient(newsletter).id)
    gone.address_sealed = gone.address_digest = None
    db.session.commit()

    assert len(exported(newsletter).splitlines()) == 1


def test_no_cell_starts_a_formula(app: Flask) -> None:
    newsletter = make_newsletter()
    formula = '=HYPERLINK("https://example.org";"x")'
    make_recipient(newsletter, "+a@example.org", person=Person("", "@SUM(1)", formula, "-1+1"))

    cells = [cell for row in csv.reader(io.StringIO(exported(newsletter))) for cell in row]

    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_an_export_can_be_imported_again(app: Flask, tmp_path: Path) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    make_recipient(newsletter, "=a@example.org", person=Person("mr", "", '-"x", y', "'Müller"), measured=False)
    make_recipient(newsletter, "b@example.org", language="en")
    path = tmp_path / "export.csv"
    path.write_text(exported(newsletter), encoding="utf-8", newline="")

    summary = importing.run(other, reading.rows(path), "Umzug", lambda _line, text: None)

    assert summary == importing.Summary(imported=2)
    assert [line.rpartition(",")[0] for line in exported(other).splitlines()] == [
        line.rpartition(",")[0] for line in exported(newsletter).splitlines()
    ]


def test_json_is_an_array_of_the_same_values(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "=a@example.org", person=Person(last_name="Müller"))
    make_recipient(newsletter)
    output = io.StringIO()

    number = exporting.write_json(exporting.recipients(newsletter), output)

    rows = json.loads(output.getvalue())
    assert number == len(rows) == 2
    assert (rows[0]["email"], rows[0]["last_name"], rows[0]["measured"]) == ("=a@example.org", "Müller", True)


def test_an_empty_export_is_still_whole(app: Flask) -> None:
    output = io.StringIO()

    exporting.write_json(exporting.recipients(make_newsletter()), output)

    assert json.loads(output.getvalue()) == []
