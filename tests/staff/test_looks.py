"""Every look at a single person's data has a reason and stands in the audit trail, without the person."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from newsletter.core.db import db
from newsletter.recipients import lookup
from newsletter.recipients.person import Person
from newsletter.staff import looks
from newsletter.staff.trail import AuditEntry
from tests.factories import make_newsletter, make_recipient
from tests.staff.signing_in import post, signed_in

PATH = "/staff/admin/person"
EMAIL = "canary.person@example.org"
CODE = Path(__file__).parents[2] / "newsletter"


def trail() -> list[tuple[str, str, str | None, str]]:
    """Return action, subject, reason and remark of the looks in the trail."""
    entries = db.session.query(AuditEntry).filter(AuditEntry.action.startswith("recipients.")).order_by(AuditEntry.id)
    return [(entry.action, entry.subject, entry.reason, entry.remark) for entry in entries]


def test_an_administrator_sees_what_is_stored_and_the_trail_says_why(client: FlaskClient) -> None:
    make_recipient(make_newsletter(title="Energietipps"), EMAIL, person=Person("ms", "Dr.", "Kim", "Canary"))
    make_recipient(make_newsletter(title="Anderes"), "other@example.org")
    signed_in(client, "admin")

    page = post(client, PATH, email="Canary.Person@example.org", reason="person", remark="File 7/26")
    seen = client.get("/staff/admin/audit").text

    assert all(words in page.text for words in ("Energietipps", "Ms Dr. Kim Canary", "Receipt of the consent"))
    assert "Anderes" not in page.text
    assert trail() == [("recipients.look", looks.alias(EMAIL), "person", "File 7/26")]
    assert "looked at the data of" in seen
    assert "The person asks: File 7/26" in seen
    assert "canary" not in seen.lower()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", {"email": "nobody", "reason": "person"}),
        ("reason", {"email": EMAIL}),
        ("reason", {"email": EMAIL, "reason": "curiosity"}),
        ("reason", {"email": EMAIL, "reason": looks.UNSTATED}),
        ("remark", {"email": EMAIL, "reason": "person", "remark": f"about {EMAIL}"}),
        ("remark", {"email": EMAIL, "reason": "person", "remark": "x" * 121}),
    ],
)
def test_without_a_reason_nothing_is_shown_and_the_field_says_so(
    client: FlaskClient, field: str, values: dict[str, str]
) -> None:
    make_recipient(make_newsletter(title="Energietipps"), EMAIL)
    signed_in(client, "admin")

    page = post(client, PATH, **values)

    assert page.status_code == 422
    assert f'id="e-{field}"' in page.text
    assert f'e-{field}" aria-invalid="true"' in page.text
    assert "Energietipps" not in page.text
    assert trail() == []


def test_who_finds_nobody_has_looked_all_the_same(client: FlaskClient) -> None:
    signed_in(client, "admin")

    page = post(client, PATH, email=EMAIL, reason="authority")

    assert "on no newsletter" in page.text
    assert trail() == [("recipients.look", looks.alias(EMAIL), "authority", "")]


def test_what_can_not_be_noted_is_not_shown(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise OSError("no trail")

    signed_in(client, "admin")
    looked: list[str] = []
    monkeypatch.setattr(looks, "note", away)
    monkeypatch.setattr(lookup, "of", looked.append)

    assert post(client, PATH, email=EMAIL, reason="person").status_code == 500
    assert looked == []


def test_marketing_does_not_get_there(client: FlaskClient) -> None:
    make_recipient(email=EMAIL)
    signed_in(client, "marketing")

    assert client.get(PATH).status_code == 403
    assert post(client, PATH, email=EMAIL, reason="person").status_code == 403
    assert PATH not in client.get("/staff/").text


@pytest.mark.usefixtures("app")
def test_the_same_person_has_the_same_number() -> None:
    numbers = [looks.alias(email) for email in (EMAIL, EMAIL.title(), "other@example.org")]

    assert numbers[0] == numbers[1] != numbers[2]


def test_commands_take_a_reason_and_say_when_none_was_stated(app: Flask) -> None:
    newsletter = make_newsletter(slug="news")
    make_recipient(newsletter, EMAIL)
    runner: FlaskCliRunner = app.test_cli_runner()

    results = [
        runner.invoke(args=arguments)
        for arguments in (
            ["proof", EMAIL, "--reason", "dispute", "--remark", "Az. 12/26"],
            ["proof", EMAIL],
            ["export", "--newsletter", "news", "--reason", "move"],
            ["proof", EMAIL, "--reason", "curiosity"],
            ["proof", EMAIL, "--reason", "person", "--remark", EMAIL],
            ["forget", EMAIL],
        )
    ]

    assert [result.exit_code for result in results] == [0, 0, 0, 2, 2, 0]
    assert trail() == [
        ("recipients.proof", looks.alias(EMAIL), "dispute", "Az. 12/26"),
        ("recipients.proof", looks.alias(EMAIL), looks.UNSTATED, ""),
        ("recipients.export", "news", "move", ""),
        ("recipients.forget", looks.alias(EMAIL), None, ""),
    ]


@pytest.mark.parametrize("reading", ["lookup.of(", "proofs.of(", "exporting.recipients("])
def test_whatever_reads_people_s_data_for_staff_notes_a_look(reading: str) -> None:
    texts = [path.read_text() for path in CODE.rglob("*.py") if reading in path.read_text()]

    assert texts
    assert all("looks.note(" in text for text in texts)
