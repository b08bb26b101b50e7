"""Privacy statement and imprint: written by administrators, in versions; none is ever changed."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db
from newsletter.core.errors import Invalid
from newsletter.privacy import documents, wordings
from newsletter.privacy.models import Document, Receipt
from tests.factories import make_newsletter, make_receipt
from tests.signups import count, sign_up
from tests.staff.signing_in import signed_in

FIRST, SECOND = "# Wer wir sind\n\nDie <Stadtwerke>.", "# Wer wir sind\n\nDie neuen Stadtwerke."


@pytest.fixture(autouse=True)
def without_csrf(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False


def test_a_version_in_force_is_shown_with_its_number_and_the_earlier_ones(client: FlaskClient) -> None:
    documents.publish("privacy", "de", FIRST)
    first = documents.publish("privacy", "de", FIRST)
    second = documents.publish("privacy", "de", SECOND)

    page = client.get("/privacy?lang=de").text
    earlier = client.get(f"/privacy/{first.name}").text

    assert (first.version, second.version, count(Document)) == (1, 2, 2)
    assert "Version 2, gültig seit" in page
    assert "<h2>Wer wir sind</h2>" in page
    assert "Die neuen Stadtwerke." in page
    assert f'href="/privacy/{first.name}' in page
    assert "Die &lt;Stadtwerke&gt;." in earlier
    assert "Die neuen" not in client.get("/privacy?lang=en").text


def test_who_signs_up_is_shown_the_version_in_force(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    edition = documents.publish("privacy", "en", FIRST)

    sign_up(client, newsletter, "a@example.org")

    db.session.rollback()
    assert [short for short, _since in wordings.versions("privacy", "en")] == [edition.name]


def test_a_new_version_touches_no_receipt(app: Flask) -> None:
    make_receipt(make_newsletter(), "a@example.org")
    db.session.commit()
    before = db.session.query(Receipt).one().seal

    documents.publish("privacy", "de", FIRST)
    documents.publish("privacy", "de", SECOND)

    assert db.session.query(Receipt).one().seal == before
    assert documents.current("imprint", "de") is None


def test_an_imprint_stands_before_those_of_the_newsletters(client: FlaskClient) -> None:
    make_newsletter(imprint="Musterweg 1")
    old = documents.publish("imprint", "en", "Run by Alpha.")
    documents.publish("imprint", "en", "Run by Beta.")

    page = client.get("/imprint?lang=en").text

    assert page.index("Run by Beta.") < page.index("Musterweg 1")
    assert "Run by Alpha." in client.get(f"/imprint/{old.name}").text
    assert client.get(f"/privacy/{old.name}").status_code == 404


@pytest.mark.parametrize("text", ["", "  \n", "a\0b", "x" * 20_001])
def test_a_text_that_is_none_is_refused(app: Flask, text: str) -> None:
    with pytest.raises(Invalid):
        documents.publish("privacy", "de", text)


def test_administrators_put_a_text_in_force_and_marketing_can_not(app: Flask) -> None:
    admin, marketing = app.test_client(), app.test_client()
    signed_in(admin, "admin")
    begun = admin.get("/staff/admin/texts/privacy/de")
    done = admin.post("/staff/admin/texts/privacy/de", data={"text": FIRST})
    wrong = admin.post("/staff/admin/texts/privacy/de", data={"text": ""})
    signed_in(marketing, "marketing")
    refused = marketing.post("/staff/admin/texts/privacy/de", data={"text": SECOND})

    assert "# Wer verantwortlich ist" in begun.text
    assert done.status_code == 302
    assert "Version 1 since" in admin.get("/staff/admin/texts/").text
    assert (wrong.status_code, refused.status_code) == (422, 403)
    assert admin.get("/staff/admin/texts/terms/de").status_code == 404
    assert count(Document) == 1
