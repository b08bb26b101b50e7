"""The language of a page: asked for, wished for, the newsletter's; and what German makes of numbers."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.i18n import ngettext, speaking
from tests.factories import make_newsletter

GERMAN = {"Accept-Language": "de"}


def test_the_links_of_a_page_in_a_language_asked_for_lead_on_in_it(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    page = client.get("/?lang=en", headers=GERMAN).text

    assert '<html lang="en">' in page
    assert f'href="/n/{newsletter.slug}?lang=en"' in page
    assert 'href="/privacy?lang=en"' in page
    assert 'href="/static/page.css"' in page


def test_without_asking_links_stay_as_they_are(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    for address in ("/", "/?lang=xx", "/?lang="):
        page = client.get(address, headers=GERMAN).text
        assert '<html lang="de">' in page
        assert f'href="/n/{newsletter.slug}"' in page


def test_the_page_behind_a_wrong_address_speaks_the_browsers_language(client: FlaskClient) -> None:
    assert "Hier ist nichts" in client.get("/nothing", headers=GERMAN).text
    assert "There is nothing here" in client.get("/nothing").text


def test_a_wrong_sign_up_is_told_in_the_language_of_the_page(client: FlaskClient) -> None:
    newsletter = make_newsletter(language="de")

    page = client.post(f"/n/{newsletter.slug}", data={"email": "erika@"}, headers={"Accept-Language": "fr"}).text

    assert "Eine E-Mail-Adresse sieht so aus" in page


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("de", 1, "Sie geht an 1 Empfänger."),
        ("de", 12_345, "Sie geht an 12.345 Empfänger."),
        ("en", 1, "It goes to 1 recipient."),
        ("en", 12_345, "It goes to 12,345 recipients."),
    ],
)
def test_a_number_is_written_as_the_language_does(app: Flask, language: str, count: int, words: str) -> None:
    with speaking(language):
        assert ngettext("It goes to %(number)s recipient.", "It goes to %(number)s recipients.", count) == words
