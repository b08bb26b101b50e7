"""Newsletters over the API."""

from typing import Any

import pytest

from newsletter.core.db import db
from newsletter.recipients.models import Recipient
from tests.api.conftest import Api
from tests.factories import make_newsletter, make_recipient

FIELDS = {
    "slug": "meine-stadtwerke",
    "title": "Meine Stadtwerke",
    "language": "de",
    "from_name": "Stadtwerke Musterstadt",
    "from_address": "news@stadtwerke-musterstadt.example",
    "reply_to": "antwort@stadtwerke-musterstadt.example",
    "imprint": "Stadtwerke Musterstadt GmbH\nMusterweg 1",
    "consent_text": "Ich möchte den Newsletter erhalten.",
    "measurement": "ask",
    "time_zone": "Europe/Lisbon",
    "send_from": "08:00",
    "send_until": "20:00",
    "mails_per_second": 20,
}


def test_a_newsletter_is_made_and_answered_with_all_its_fields(api: Api) -> None:
    made = api.post("/newsletters", FIELDS)

    assert made.status_code == 201
    assert made.json.items() >= FIELDS.items()
    assert made.json["recipients"] == 0
    assert made.json["url"].endswith("/n/meine-stadtwerke")
    assert made.headers["Location"].endswith("/api/v1/newsletters/meine-stadtwerke")
    assert api.get("/newsletters/meine-stadtwerke").json == made.json
    assert api.get("/newsletters").json == [made.json]


def test_three_fields_are_enough(api: Api) -> None:
    answer = api.post("/newsletters", {"slug": "kurz", "title": "Kurz", "from_address": "a@example.org"})

    assert answer.status_code == 201
    assert answer.json["from_name"] == "Kurz"
    assert answer.json["measurement"] == "all"
    assert answer.json["time_zone"] == "Europe/Berlin"
    assert answer.json["mails_per_second"] is None


def test_missing_fields_are_named_all_at_once(api: Api) -> None:
    answer = api.post("/newsletters", {})

    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"slug", "title", "from_address"}


WRONG: list[tuple[str, Any]] = [
    ("slug", "Groß"),
    ("slug", "-a"),
    ("slug", "a" * 65),
    ("slug", "a b"),
    ("slug", "a\nb"),
    ("title", ""),
    ("title", "x" * 121),
    ("title", "a\r\nBcc: b@example.org"),
    ("language", "fr"),
    ("from_name", "a\nb"),
    ("from_address", "nobody"),
    ("from_address", "a@example.org, b@example.org"),
    ("reply_to", "a@example.org\r\nBcc: b@example.org"),
    ("imprint", "x" * 2001),
    ("consent_text", "x" * 5001),
    ("measurement", "maybe"),
    ("accent", "red"),
    ("url", "https://example.org"),
    ("recipients", 3),
]


def test_a_wrong_field_is_named(api: Api) -> None:
    newsletter = make_newsletter()

    for field, value in WRONG:
        made = api.post("/newsletters", FIELDS | {field: value})
        changed = api.patch(f"/newsletters/{newsletter.slug}", {field: value})

        assert (made.status_code, changed.status_code) == (422, 422), (field, value)
        assert set(made.json["errors"]) == set(changed.json["errors"]) == {field}


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("slug", "1 to 64 small letters"),
        ("title", "120"),
        ("description", "500"),
        ("from_name", "120"),
        ("from_address", "254"),
        ("reply_to", "254"),
        ("imprint", "2000"),
        ("consent_text", "5000"),
        ("language", '"de" or "en"'),
        ("measurement", '"all", "ask" or "off"'),
        ("accent", "#0b5c8a"),
    ],
)
def test_a_field_that_is_much_too_long_is_told_its_own_limit(api: Api, field: str, limit: str) -> None:
    answer = api.post("/newsletters", FIELDS | {field: "a" * 5001}, headers={"Accept-Language": "en"})

    assert limit in answer.json["errors"][field]


def test_a_taken_slug_is_a_conflict(api: Api) -> None:
    api.post("/newsletters", FIELDS)
    other = make_newsletter()

    again = api.post("/newsletters", FIELDS)
    renamed = api.patch(f"/newsletters/{other.slug}", {"slug": FIELDS["slug"]})

    assert (again.status_code, renamed.status_code) == (409, 409)
    assert len(api.get("/newsletters").json) == 2


def test_a_change_touches_the_named_fields_only(api: Api) -> None:
    before = api.post("/newsletters", FIELDS).json

    answer = api.patch("/newsletters/meine-stadtwerke", {"title": "Neuer Titel"})

    assert answer.status_code == 200
    assert answer.json == before | {"title": "Neuer Titel"}


def test_a_change_with_one_wrong_field_changes_nothing(api: Api) -> None:
    before = api.post("/newsletters", FIELDS).json

    answer = api.patch("/newsletters/meine-stadtwerke", {"title": "Neuer Titel", "language": "fr"})

    assert answer.status_code == 422
    assert api.get("/newsletters/meine-stadtwerke").json == before


def test_an_empty_change_changes_nothing(api: Api) -> None:
    before = api.post("/newsletters", FIELDS).json

    answer = api.patch("/newsletters/meine-stadtwerke", {})

    assert answer.status_code == 200
    assert answer.json == before


def test_a_new_slug_is_the_new_address(api: Api) -> None:
    api.post("/newsletters", FIELDS)

    api.patch("/newsletters/meine-stadtwerke", {"slug": "neu"})

    assert api.get("/newsletters/meine-stadtwerke").status_code == 404
    assert api.get("/newsletters/neu").json["url"].endswith("/n/neu")


def test_recipients_are_counted_without_tombstones(api: Api) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    for _ in range(3):
        make_recipient(newsletter)
    gone = db.session.get_one(Recipient, make_recipient(newsletter).id)
    gone.address_sealed = gone.address_digest = None
    db.session.commit()

    every = {each["slug"]: each["recipients"] for each in api.get("/newsletters").json}

    assert every == {newsletter.slug: 3, other.slug: 0}
    assert api.get(f"/newsletters/{newsletter.slug}").json["recipients"] == 3


def test_answers_are_utf_8_and_readable(api: Api) -> None:
    answer = api.post("/newsletters", FIELDS | {"title": "Größe 🌻"})

    assert "Größe 🌻".encode() in answer.data
