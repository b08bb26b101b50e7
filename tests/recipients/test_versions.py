"""Consent texts in versions: everyone can see what they agreed to, and nobody agrees to what they were not shown."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from newsletter.core.db import db, utcnow
from newsletter.core.errors import Invalid
from newsletter.mail.models import OutboxMail
from newsletter.privacy import documents, publishing, wordings
from newsletter.privacy.documents import Series
from newsletter.privacy.models import Wording
from newsletter.recipients import links, newsletters, planning, versions
from newsletter.recipients.models import Newsletter
from tests.factories import make_newsletter
from tests.signups import confirm_path, count, make_sign_up
from tests.staff.signing_in import signed_in

DAY = timedelta(days=1)


def numbers(newsletter: Newsletter, language: str = "de") -> list[int]:
    every = documents.every(wordings.CONSENT, language=language, newsletter_id=newsletter.id)
    return [edition.version for edition in every]


def test_every_wording_of_the_consent_is_a_version_with_its_date(client: FlaskClient) -> None:
    newsletter = make_newsletter(consent_text="Ja, gern.")
    versions.note_all()
    versions.note_all()
    newsletters.change(newsletter, {"consent_text": "Ja, sehr gern."})
    newsletters.change(newsletter, {"accent": "#123456"})

    page = client.get(f"/n/{newsletter.slug}/consent?lang=de").text
    new, old = documents.every(wordings.CONSENT, newsletter_id=newsletter.id)
    earlier = client.get(f"/n/{newsletter.slug}/consent/{old.name}?lang=de").text

    assert (new.version, old.version, old.in_force_at) == (2, 1, newsletter.created_at)
    assert "Version 2, gültig seit" in page
    assert "Ja, sehr gern." in page
    assert f'/consent/{old.name}?lang=de">Version 1, ab ' in page
    assert "Ja, gern." in earlier
    assert f'href="/n/{newsletter.slug}/consent?lang=de"' in client.get(f"/n/{newsletter.slug}?lang=de").text


def test_words_that_come_back_are_a_version_of_their_own(app: Flask) -> None:
    newsletter = make_newsletter(consent_text="Eins.")
    for words in ("Zwei.", "Eins."):
        newsletters.change(newsletter, {"consent_text": words})

    assert numbers(newsletter) == [3, 2, 1]
    assert count(Wording) == 2 + 2  # two consent texts, two privacy statements


def test_a_version_of_one_newsletter_is_none_of_another(client: FlaskClient) -> None:
    newsletter, other = make_newsletter(consent_text="Ja."), make_newsletter()
    versions.note_all()
    (edition,) = documents.every(wordings.CONSENT, newsletter_id=newsletter.id)

    assert client.get(f"/n/{newsletter.slug}/consent/{edition.name}").status_code == 200
    assert client.get(f"/n/{other.slug}/consent/{edition.name}").status_code == 404
    assert client.get(f"/n/{newsletter.slug}/consent/nonsense").status_code == 404


def test_the_standard_text_has_versions_in_both_languages(app: Flask) -> None:
    newsletter = make_newsletter(consent_text="")
    versions.note_all()

    newsletters.change(newsletter, {"from_name": "Gemeindewerke"})

    assert (numbers(newsletter, "de"), numbers(newsletter, "en")) == ([2, 1], [2, 1])


def test_a_text_ahead_counts_from_its_moment_in_the_newsletters_time_zone(client: FlaskClient) -> None:
    newsletter = make_newsletter(consent_text="Heute.", time_zone="America/New_York")
    planning.plan(newsletter, "Morgen.", "2099-07-01T00:00")
    ahead = documents.ahead(Series(wordings.CONSENT, "de", newsletter.id))
    assert ahead is not None

    before = client.get(f"/n/{newsletter.slug}/consent?lang=de").text
    with time_machine.travel(ahead.in_force_at - timedelta(seconds=1)):
        just_before = client.get(f"/n/{newsletter.slug}?lang=de").text
    with time_machine.travel(ahead.in_force_at):
        then = client.get(f"/n/{newsletter.slug}?lang=de").text
        shown = client.get(f"/n/{newsletter.slug}/consent?lang=de").text

    assert f"{ahead.in_force_at:%Y-%m-%dT%H:%M}" == "2099-07-01T04:00"
    assert "Version 2, gültig ab 01.07.2099, 00:00" in before
    assert "Heute." in just_before
    assert "Morgen." in then
    assert "Version 2, gültig seit 01.07.2099, 00:00" in shown
    assert "Morgen." in shown


def test_the_worker_makes_what_was_ahead_the_present_text(app: Flask) -> None:
    newsletter = make_newsletter(consent_text="Heute.", time_zone="UTC")
    planning.plan(newsletter, "Morgen.", f"{utcnow() + DAY:%Y-%m-%dT%H:%M}")

    with time_machine.travel(utcnow() + DAY):
        versions.note_all()
        db.session.refresh(newsletter)
        assert (newsletter.consent_text, newsletter.next_consent_at) == ("Morgen.", None)
        assert numbers(newsletter) == [2, 1]


def test_a_change_meanwhile_gets_its_number_before_what_is_ahead(app: Flask) -> None:
    newsletter = make_newsletter(consent_text="Heute.", time_zone="UTC")
    planning.plan(newsletter, "Morgen.", "2099-07-01T00:00")

    newsletters.change(newsletter, {"consent_text": "Heute noch."})

    every = documents.every(wordings.CONSENT, newsletter_id=newsletter.id)
    assert [(each.version, each.text.split(".")[0]) for each in every] == [
        (3, "Morgen"),
        (2, "Heute noch"),
        (1, "Heute"),
    ]


@pytest.mark.parametrize("at", ["", "2001-01-01T00:00", "soon", "2099-03-29T02:30"])
def test_a_time_that_can_not_be_ahead_is_refused(app: Flask, at: str) -> None:
    newsletter = make_newsletter(time_zone="Europe/Berlin")

    with pytest.raises(Invalid) as error:
        planning.plan(newsletter, "Morgen.", at)

    assert set(error.value.errors) == {"at"}


def test_staff_announce_change_and_withdraw_a_consent_text(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    newsletter = make_newsletter(consent_text="Heute.")
    signed_in(client, "marketing")
    url = f"/staff/newsletters/{newsletter.slug}/consent"

    client.post(url, data={"consent_text": "Morgen.", "at": "2099-07-01T08:00"})
    client.post(url, data={"consent_text": "Übermorgen.", "at": "2099-07-02T08:00"})
    wrong = client.post(url, data={"consent_text": "x" * 5001, "at": "2099-07-02T08:00"})
    page = client.get(url).text

    assert wrong.status_code == 422
    assert "Version 2 is announced for 2 Jul 2099, 08:00" in page
    assert "Übermorgen." in page
    client.post(f"{url}/withdraw")
    assert numbers(newsletter) == [1]
    assert "announced or withdrew a consent text of" in audit_trail(app)


def audit_trail(app: Flask) -> str:
    admin = app.test_client()
    signed_in(admin, "admin", "boss@staff.example")
    return admin.get("/staff/admin/audit").text


def test_nobody_agrees_to_a_text_that_changed_while_the_form_was_open(client: FlaskClient) -> None:
    newsletter = make_newsletter(consent_text="Alt.")
    shown = texts_of(client.get(f"/n/{newsletter.slug}?lang=de").text)
    newsletters.change(newsletter, {"consent_text": "Neu."})

    refused = client.post(f"/n/{newsletter.slug}?lang=de", data={"email": "a@example.org", "texts": shown})
    kept = count(OutboxMail)
    again = client.post(
        f"/n/{newsletter.slug}?lang=de", data={"email": "a@example.org", "texts": texts_of(refused.text)}
    )

    assert (refused.status_code, kept, again.status_code, count(OutboxMail)) == (409, 0, 200, 1)
    assert "Neu." in refused.text
    assert 'value="a@example.org"' in refused.text
    assert "wurde gerade geändert" in refused.text


def test_a_statement_that_came_into_force_meanwhile_is_shown_first(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    shown = texts_of(client.get(f"/n/{newsletter.slug}?lang=de").text)
    publishing.publish(Series(wordings.PRIVACY, "de"), "Neu.")

    answer = client.post(f"/n/{newsletter.slug}?lang=de", data={"email": "a@example.org", "texts": shown})

    assert answer.status_code == 409


def texts_of(page: str) -> str:
    found = re.search(r'name="texts" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def test_a_subscriber_sees_which_version_they_agreed_to(client: FlaskClient) -> None:
    newsletter = make_newsletter(consent_text="Alt.")
    versions.note_all()
    client.post(confirm_path(make_sign_up(newsletter, "kim@example.org")))
    newsletters.change(newsletter, {"consent_text": "Neu."})
    newsletters.change(newsletter, {"consent_text": "Alt."})
    key = db.session.execute(text("SELECT link_key FROM recipient")).scalar_one()

    page = client.get(f"/me/{links.preferences_token(bytes(key))}?lang=de").text

    assert "Das war Version 1 vom" in page
    assert f'href="/n/{newsletter.slug}/consent?lang=de"' in page
    assert numbers(newsletter) == [3, 2, 1]


def test_a_newsletter_takes_its_versions_along(app: Flask) -> None:
    make_newsletter()
    versions.note_all()

    db.session.execute(text("DELETE FROM newsletter"))
    db.session.commit()

    assert count(Wording) == 3
    assert db.session.execute(text("SELECT count(*) FROM document WHERE kind = 'consent'")).scalar_one() == 0
