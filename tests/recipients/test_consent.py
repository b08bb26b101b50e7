"""The consent is in one language, says which, and is kept in the very words that were shown."""

from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter.core.db import db
from newsletter.privacy import wordings
from newsletter.privacy.models import Wording
from tests.factories import make_newsletter

OWN = "Ja, ich möchte den Newsletter."


def kept(text: str) -> tuple[str, str]:
    """Return language and words of the consent that holds `text`."""
    query = select(Wording.language, Wording.text).where(Wording.kind == wordings.CONSENT)
    return next((language, words) for language, words in db.session.execute(query) if text in words)


def test_an_english_page_shows_a_newsletters_own_consent_wholly_in_the_newsletters_language(
    client: FlaskClient,
) -> None:
    newsletter = make_newsletter(language="de", consent_text=OWN, measurement="ask")

    page = client.get(f"/n/{newsletter.slug}?lang=en").text

    _before, _mark, consent = page.partition('<div class="consent">')
    block = consent.partition("</div>")[0]
    assert '<html lang="en">' in page
    assert '<div lang="de">' in block
    assert OWN in block
    assert "Sie können Ihre Einwilligung jederzeit widerrufen" in block
    assert "unter einem Pseudonym gezählt" in block
    assert "withdraw" not in block
    assert "How we handle your data" in page


def test_an_own_consent_is_kept_under_the_newsletters_language(client: FlaskClient) -> None:
    newsletter = make_newsletter(language="de", consent_text=OWN)

    client.post(f"/n/{newsletter.slug}?lang=en", data={"email": "erika@example.org"})

    language, words = kept(OWN)
    assert language == "de"
    assert "withdraw" not in words


def test_the_standard_consent_speaks_the_language_of_the_page(client: FlaskClient) -> None:
    newsletter = make_newsletter(language="de", consent_text="", description="Neues aus Musterstadt.")

    english = client.get(f"/n/{newsletter.slug}?lang=en").text
    german = client.get(f"/n/{newsletter.slug}?lang=de").text
    client.post(f"/n/{newsletter.slug}?lang=en", data={"email": "erika@example.org"})

    assert "may send me the newsletter" in english
    assert '<div lang="en">' in english
    assert "Ja, ich möchte den Newsletter „Meine Stadtwerke“ von Stadtwerke Musterstadt" in german
    assert "Worum es geht: Neues aus Musterstadt." in german
    assert kept("may send me the newsletter")[0] == "en"
