"""P6: see, correct (the address, too), object, restrict, take along, erase (Art. 15-21 GDPR), and undo that; join and
leave others, have a lost link sent: by a link in a mail, with no account and no JavaScript, in German and English."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from newsletter.core.db import db, utcnow
from newsletter.mail import address
from newsletter.recipients import links
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient
from tests.procfile import Processes
from tests.signups import count, make_address_change, path
from tests.sink import Sink

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
EMAIL, NEW = "kim.beispiel@example.org", "kim.neu@example.com"
WORDS = {
    "de": ["Speichern", "Ich widerspreche", "Verwendung meiner Daten einschränken", "Wieder E-Mails schicken",
           "Link zuschicken", "Lesen und drucken", "Herunterladen", "Adresse ändern", "Link dorthin schicken",
           "Adresse jetzt ändern", "Neuen Link senden", "Jetzt abmelden", "Das war ein Versehen: rückgängig machen",
           "Meinen Link zuschicken", "Link zum Bestätigen zuschicken", "Jetzt bestätigen", "„Kultur“ abmelden"],
    "en": ["Save", "I object to this", "Restrict the use of my data", "Send me e-mails again",
           "Send me the link", "Read and print", "Download", "Change the address", "Send the link there",
           "Change the address now", "Send me a fresh link", "Leave now", "That was a mistake: undo",
           "Send me my link", "Send me the link to confirm", "Subscribe now", "Leave “Kultur”"],
}  # fmt: skip
"""Buttons and links, in the order in which they are pressed."""


@pytest.fixture
def url(app: Flask, make_processes: Processes) -> Iterator[str]:
    """Where the web process answers; a worker mails."""
    make_processes.start("web")
    make_processes.start("worker")
    make_processes.wait_for("/healthz")
    yield make_processes.url
    db.session.remove()


def stored() -> Recipient:
    db.session.rollback()
    return db.session.query(Recipient).one()


@pytest.mark.parametrize("language", ["de", "en"])
def test_each_right_once_without_javascript(
    url: str,
    sink: Sink,
    new_context: Callable[..., BrowserContext],
    language: str,
) -> None:
    save, objects, restrict, lift, send_link, read, download, *rest = WORDS[language]
    change, send_there, confirm, fresh, leave, undo, lost, join, yes, leave_other = rest
    recipient = make_recipient(make_newsletter(title="Energietipps"), EMAIL, person=Person("ms", "", "Kim", "Falsch"))
    make_newsletter(title="Kultur")
    context = new_context(java_script_enabled=False, locale="de-DE" if language == "de" else "en-GB")
    page = context.new_page()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    page.goto(f"{url}/me/{links.preferences_token(recipient.link_key)}")
    expect(page.get_by_text(EMAIL)).to_be_visible()
    page.locator("#last_name").fill("Richtig")
    press(save)
    assert Person.unsealed(stored().name_sealed).last_name == "Richtig"
    press(objects)
    assert stored().measured is False
    press(restrict)
    assert stored().restricted_at is not None
    press(lift)
    assert stored().restricted_at is None

    press(send_link)
    (mail,) = sink.wait(to=EMAIL)
    page.goto(url + path(mail.link("/me/")))
    page.get_by_role("link", name=read, exact=True).click()
    expect(page.get_by_text("Richtig")).to_be_visible()
    page.go_back()
    with page.expect_download() as handed_out:
        page.get_by_role("link", name=download, exact=True).click()
    assert json.loads(Path(handed_out.value.path()).read_text())["person"]["last_name"] == "Richtig"

    page.get_by_role("link", name=change, exact=True).click()
    page.locator("#email").fill(NEW)
    press(send_there)
    (mail,) = sink.wait(to=NEW)
    page.goto(url + path(mail.link("/new-address/")))
    press(confirm)
    assert address.unseal(stored().address_sealed or b"") == NEW
    sink.wait(2, to=EMAIL)  # the link, and what became of the address

    page.goto(f"{url}/me/{links.preferences_token(recipient.link_key, utcnow() - timedelta(minutes=5))}")
    press(fresh)
    page.goto(url + path(sink.wait(2, to=NEW)[-1].link("/me/")))
    press(leave)
    assert count(Recipient) == 0
    press(undo)
    assert address.unseal(stored().address_sealed or b"") == NEW

    page.goto(f"{url}/me")
    page.locator("#email").fill(NEW)
    press(lost)
    mine = url + path(sink.wait(3, to=NEW)[-1].link("/me/"))
    page.goto(mine)
    page.get_by_role("link", name="Kultur", exact=True).click()
    press(join)
    page.goto(url + path(sink.wait(4, to=NEW)[-1].link("/confirm/")))
    press(yes)
    assert count(Recipient) == 2
    page.goto(mine)
    press(leave_other)
    assert count(Recipient) == 1
    assert context.cookies() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_its_pages_are_accessible(
    url: str, new_context: Callable[..., BrowserContext], axe: Callable[[Page], None], scheme: str, width: int
) -> None:
    recipient = make_recipient(make_newsletter(title="Energietipps"), EMAIL, person=Person("ms", "", "Kim", "Müller"))
    other = make_newsletter(title="Kultur", measurement="ask")
    make_recipient(make_newsletter(title="Verkehr"), EMAIL)
    page = new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
    token = links.mailed_preferences_url(recipient.link_key).rpartition("/")[2]

    def look() -> None:
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto(f"{url}/me/{links.preferences_token(recipient.link_key)}")
    look()
    page.goto(f"{url}/me/{token}/copy")
    look()
    page.goto(f"{url}/me")
    look()
    page.goto(f"{url}/me/{token}/join/{other.slug}")
    look()
    page.goto(f"{url}/me/{token}/address")
    look()
    page.goto(f"{url}/new-address/{make_address_change(recipient, NEW).token()}")
    look()
    page.goto(f"{url}/me/{token}")
    look()
    page.locator("button[name=restricted]").click()
    look()
    page.locator("form[action$='/leave'] button").click()
    look()
    page.locator("button[name=undo]").click()
    look()
