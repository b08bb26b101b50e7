"""Texts in versions: written by administrators or made from the settings, announced, in force, never changed then."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict, Invalid
from newsletter.optin import offers
from newsletter.privacy import documents, publishing, wordings
from newsletter.privacy.documents import Series
from newsletter.privacy.models import Document, Receipt, Wording
from newsletter.recipients import hours, newsletters, statement, versions
from tests.factories import make_newsletter, make_receipt
from tests.signups import count, sign_up
from tests.staff.signing_in import signed_in

FIRST, SECOND = "# Wer wir sind\n\nDie <Stadtwerke>.", "# Wer wir sind\n\nDie neuen Stadtwerke."
GERMAN, ENGLISH = Series(wordings.PRIVACY, "de"), Series(wordings.PRIVACY, "en")
IMPRINT = Series(wordings.IMPRINT, "en")
DAY = timedelta(days=1)
URL = "/staff/admin/texts/privacy/de"


@pytest.fixture(autouse=True)
def without_csrf(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False


def test_a_version_in_force_is_shown_with_its_number_and_the_earlier_ones(client: FlaskClient) -> None:
    publishing.publish(GERMAN, FIRST)
    first = publishing.publish(GERMAN, FIRST)
    second = publishing.publish(GERMAN, SECOND)

    page = client.get("/privacy?lang=de").text
    earlier = client.get(f"/privacy/{first.name}?lang=de").text

    assert (first.version, second.version, count(Document)) == (1, 2, 2)
    assert "Version 2, gültig seit" in page
    assert "<h2>Wer wir sind</h2>" in page
    assert "Die neuen Stadtwerke." in page
    assert f'href="/privacy/{first.name}' in page
    assert "Version 1, gültig seit" in earlier
    assert "Die &lt;Stadtwerke&gt;." in earlier
    assert "Die neuen" not in client.get("/privacy?lang=en").text


def test_a_version_ahead_is_announced_and_comes_into_force_by_itself(client: FlaskClient) -> None:
    publishing.publish(GERMAN, FIRST)
    second = publishing.publish(GERMAN, SECOND, at=utcnow() + DAY)
    before = client.get("/privacy?lang=de").text
    announced = client.get(f"/privacy/{second.name}?lang=de").text

    with time_machine.travel(utcnow() + DAY + timedelta(seconds=1)):
        after = client.get("/privacy?lang=de").text

    assert "Version 1, gültig seit" in before
    assert f'<a href="/privacy/{second.name}?lang=de">Version 2, gültig ab ' in before
    assert "Die neuen" not in before
    assert "Version 2, gültig ab " in announced
    assert "Version 2, gültig seit" in after
    assert "Die neuen Stadtwerke." in after


def test_a_receipt_points_at_the_words_that_are_shown(app: Flask) -> None:
    kept: list[str | None] = []
    slug = make_newsletter().slug

    def look() -> None:
        offer = offers.renewed(offers.remembered(slug), "de")
        kept.append(wordings.text_of(offer.texts["de"].told))
        assert kept[-1] == statement.in_force("de")

    look()
    make_newsletter(imprint="Musterweg 1")
    look()
    publishing.publish(ENGLISH, FIRST)
    publishing.publish(IMPRINT, FIRST)
    look()
    publishing.publish(GERMAN, FIRST)
    publishing.publish(GERMAN, SECOND, at=utcnow() + DAY)
    look()
    with time_machine.travel(utcnow() + DAY + timedelta(seconds=1)):
        look()
        publishing.publish(GERMAN, statement.text("de"), made=True)
        look()
        app.config["CONFIRMATION_HOURS"] += 1  # follows at once, not when it is noted as a version
        look()

    assert kept[3:5] == [FIRST, SECOND]
    assert kept[1] == kept[2] == kept[5]
    assert len(set(kept)) == 5


def test_what_is_announced_is_replaced_or_withdrawn_until_it_is_in_force(app: Flask) -> None:
    publishing.publish(GERMAN, FIRST)
    publishing.publish(GERMAN, SECOND, at=utcnow() + DAY)
    changed = publishing.publish(GERMAN, SECOND + "!", at=utcnow() + 2 * DAY)
    assert [each.text for each in documents.every(wordings.PRIVACY)] == [SECOND + "!", FIRST]

    withdrawn = publishing.withdraw(GERMAN)

    assert (changed.version, withdrawn, publishing.withdraw(GERMAN)) == (2, True, False)
    assert [each.version for each in documents.every(wordings.PRIVACY)] == [1]
    publishing.publish(GERMAN, SECOND, at=utcnow() + DAY)
    with time_machine.travel(utcnow() + 2 * DAY):
        assert not publishing.withdraw(GERMAN)
        assert documents.current(GERMAN).version == 2  # type: ignore[union-attr]


def test_a_time_that_is_over_or_none_is_refused(app: Flask) -> None:
    with pytest.raises(Invalid) as past:
        publishing.publish(GERMAN, FIRST, at=utcnow())
    with pytest.raises(Invalid) as none:
        hours.ahead("soon", "Europe/Berlin")

    assert set(past.value.errors) == set(none.value.errors) == {"at"}


def test_of_two_who_publish_at_once_the_second_is_told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    publishing.publish(GERMAN, FIRST)
    monkeypatch.setattr(documents, "current", lambda series: None)  # as it was when the second looked

    with pytest.raises(Conflict):
        publishing.publish(GERMAN, SECOND)


def test_who_signs_up_is_shown_the_version_in_force(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    edition = publishing.publish(ENGLISH, FIRST)
    publishing.publish(ENGLISH, SECOND, at=utcnow() + DAY)

    sign_up(client, newsletter, "a@example.org")

    kept = db.session.query(Wording).filter_by(kind="privacy", text=FIRST).one()
    assert kept.digest == edition.digest


def test_a_new_version_touches_no_receipt(app: Flask) -> None:
    make_receipt(make_newsletter(), "a@example.org")
    db.session.commit()
    before = db.session.query(Receipt).one().seal

    publishing.publish(GERMAN, FIRST)
    publishing.publish(GERMAN, SECOND)

    assert db.session.query(Receipt).one().seal == before
    assert documents.current(Series(wordings.IMPRINT, "de")) is None


def test_an_imprint_stands_before_those_of_the_newsletters(client: FlaskClient) -> None:
    make_newsletter(imprint="Musterweg 1")
    old = publishing.publish(IMPRINT, "Run by Alpha.")
    publishing.publish(IMPRINT, "Run by Beta.")

    page = client.get("/imprint?lang=en").text

    assert page.index("Run by Beta.") < page.index("Musterweg 1")
    assert "Run by Alpha." in client.get(f"/imprint/{old.name}").text
    assert client.get(f"/privacy/{old.name}").status_code == 404


@pytest.mark.parametrize("text", ["", "  \n", "a\0b", "x" * 20_001])
def test_a_text_that_is_none_is_refused(app: Flask, text: str) -> None:
    with pytest.raises(Invalid):
        publishing.publish(GERMAN, text)


def test_the_statement_made_from_the_settings_gets_a_version_with_every_wording(client: FlaskClient) -> None:
    newsletter = make_newsletter(imprint="Alte Straße 1")
    versions.note_all()
    versions.note_all()

    newsletters.change(newsletter, {"imprint": "Neue Straße 2"})
    newsletters.change(newsletter, {"slug": "other"})

    page = client.get("/privacy?lang=en").text
    new, old = documents.every(wordings.PRIVACY, language="en")
    assert (new.version, old.version, new.made) == (2, 1, True)
    assert "Version 2, in force since" in page
    assert "Neue Straße 2" in page
    assert "<h2>Who is responsible</h2>" in client.get(f"/privacy/{old.name}?lang=en").text
    assert "Alte Straße 1" in old.text


def test_a_statement_by_staff_no_longer_follows_the_settings(app: Flask) -> None:
    newsletter = make_newsletter()
    publishing.publish(GERMAN, FIRST)

    newsletters.change(newsletter, {"imprint": "Neue Straße 2"})

    assert statement.in_force("de") == FIRST
    assert documents.current(GERMAN).version == 1  # type: ignore[union-attr]


def test_staff_see_what_differs_and_go_back_to_the_statement_made_from_the_settings(app: Flask) -> None:
    admin = app.test_client()
    signed_in(admin, "admin")
    make_newsletter(imprint="Musterweg 1")
    publishing.publish(GERMAN, FIRST)
    publishing.publish(GERMAN, SECOND, at=utcnow() + DAY)

    linked = admin.get(URL).text
    offered = admin.get(f"{URL}/made").text
    admin.post(f"{URL}/made")

    assert f'href="{URL}/made"' in linked
    assert '<del class="lines">Die &lt;Stadtwerke&gt;.</del>' in offered
    assert '<ins class="lines"># Wer verantwortlich ist</ins>' in offered
    assert "<h3>Wer verantwortlich ist</h3>" in offered
    assert "Version 2, which is announced, is withdrawn by that." in offered
    edition = documents.current(GERMAN)
    assert edition is not None
    assert (edition.version, edition.made, documents.ahead(GERMAN)) == (2, True, None)
    assert statement.in_force("de") == statement.text("de")
    assert admin.get("/staff/admin/texts/imprint/de/made").status_code == 404


def test_a_preview_shows_text_and_differences_and_changes_nothing(app: Flask) -> None:
    admin = app.test_client()
    signed_in(admin, "admin")
    publishing.publish(GERMAN, FIRST)

    page = admin.post(URL, data={"text": SECOND.replace("\n", "\r\n"), "act": "preview"}).text

    assert '<ins class="lines">Die neuen Stadtwerke.</ins>' in page
    assert "<h3>Wer wir sind</h3>" in page
    assert count(Document) == 1


def test_administrators_announce_change_and_withdraw_a_version(app: Flask) -> None:
    admin = app.test_client()
    signed_in(admin, "admin")
    publishing.publish(GERMAN, FIRST)

    announced = admin.post(URL, data={"text": SECOND, "at": "2036-06-01T08:30"})
    listed = admin.get("/staff/admin/texts/").text
    again = admin.get(URL).text
    wrong = admin.post(URL, data={"text": SECOND, "at": "2001-06-01T08:30"})

    assert (announced.status_code, wrong.status_code) == (302, 422)
    assert "Version 2 announced for 1 Jun 2036, 08:30" in listed
    assert 'value="2036-06-01T08:30"' in again
    assert "Die neuen Stadtwerke." in again
    admin.post(f"{URL}/withdraw")
    assert documents.ahead(GERMAN) is None
    assert "withdrew an announced text" in admin.get("/staff/admin/audit").text


def test_administrators_put_a_text_in_force_and_marketing_can_not(app: Flask) -> None:
    admin, marketing = app.test_client(), app.test_client()
    signed_in(admin, "admin")
    begun = admin.get(URL)
    done = admin.post(URL, data={"text": FIRST})
    wrong = admin.post(URL, data={"text": ""})
    signed_in(marketing, "marketing")
    refused = marketing.post(URL, data={"text": SECOND})

    assert "# Wer verantwortlich ist" in begun.text
    assert done.status_code == 302
    assert "Version 1 since" in admin.get("/staff/admin/texts/").text
    assert (wrong.status_code, refused.status_code) == (422, 403)
    assert admin.get("/staff/admin/texts/terms/de").status_code == 404
    assert count(Document) == 1
