"""P2: GET, HEAD, prefetch and link scanners, with or without JavaScript, change nothing. A person needs one click
in the mail: the page does the rest at the first movement of the hand, or at the press of its button."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from newsletter.core.db import db
from newsletter.recipients import links, service
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_recipient
from tests.procfile import Processes
from tests.signups import confirm_path, make_sign_up

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
NewContext = Callable[..., BrowserContext]
SCANNER_SECONDS = 4
"""How long a scanner looks at the page; by hand 20 s were tried."""

ACTS_OF_A_SCRIPT = """() => {
  const form = document.querySelector("form[data-first-input]");
  for (const target of [window, document, document.body, form, form.querySelector("button")]) {
    for (const kind of ["pointermove", "pointerdown", "touchstart", "mousemove", "mousedown"])
      target.dispatchEvent(new Event(kind, { bubbles: true }));
    target.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, pointerType: "mouse", clientX: 9 }));
    target.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, pointerType: "touch" }));
    target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, key: "Enter" }));
  }
  window.scrollTo(0, 100);
  window.dispatchEvent(new Event("load"));
  window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
}"""


@pytest.fixture
def url(app: Flask, make_processes: Processes) -> Iterator[str]:
    """Where the web process answers."""
    make_processes.start("web")
    make_processes.wait_for("/healthz")
    yield make_processes.url
    db.session.remove()


class Links:
    """Fresh links of both kinds, and what the tables say has come of them."""

    def __init__(self, url: str, database_url: str) -> None:
        self.url, self.database_url = url, database_url
        self.newsletter = make_newsletter()

    def confirm(self) -> str:
        return self.url + confirm_path(make_sign_up(self.newsletter, f"p{time.monotonic_ns()}@example.org"))

    def leave(self) -> str:
        return f"{self.url}/u/{links.unsubscribe_token(make_recipient(self.newsletter).link_key)}"

    def clear(self) -> None:
        """Erase whoever is there."""
        for recipient in db.session.query(Recipient):
            service.erase(recipient.link_key, way="page")

    def state(self) -> tuple[Any, ...]:
        """Return the numbers of recipients, receipts, closed receipts, departures and waiting mails."""
        queries = (
            "SELECT count(*) FROM recipient",
            "SELECT count(*) FROM receipt",
            "SELECT count(*) FROM receipt WHERE closed_at IS NOT NULL",
            "SELECT coalesce(sum(number), 0) FROM departure",
            "SELECT count(*) FROM outbox_mail",
        )
        with psycopg.connect(self.database_url) as connection:
            return connection.execute("SELECT " + ", ".join(f"({query})" for query in queries)).fetchone() or ()


@pytest.fixture
def mailed(url: str, database_url: str) -> Links:
    return Links(url, database_url)


def test_a_browser_that_only_looks_changes_nothing(mailed: Links, new_context: NewContext) -> None:
    pages = [new_context().new_page() for _ in range(2)]
    targets = [mailed.confirm(), mailed.leave()]
    before = mailed.state()

    for page, target in zip(pages, targets, strict=True):
        page.goto(target)
        page.evaluate(ACTS_OF_A_SCRIPT)
        for key in ("Tab", "Shift+Tab", "ArrowDown", "PageDown", "a", "Escape", "Tab"):
            page.keyboard.press(key)
    pages[0].wait_for_timeout(SCANNER_SECONDS * 1000)

    assert mailed.state() == before
    assert [page.url for page in pages] == targets
    for page in pages:
        expect(page.locator("form[data-first-input] button")).to_be_enabled()


def move(page: Page) -> None:
    page.mouse.move(200, 200)


def press_enter(page: Page) -> None:
    page.keyboard.press("Enter")


def press_space(page: Page) -> None:
    page.keyboard.press(" ")


def tab_and_enter(page: Page) -> None:
    page.locator("form[data-first-input] button").focus()
    page.keyboard.press("Enter")


def touch(page: Page) -> None:
    page.touchscreen.tap(150, 300)


def click(page: Page) -> None:
    page.locator("form[data-first-input] button").click()


def test_the_first_act_of_a_person_confirms_and_another_erases(mailed: Links, new_context: NewContext) -> None:
    for number, act in enumerate((move, press_enter, press_space, tab_and_enter, touch, click)):
        page = new_context(viewport={"width": 375, "height": 700}, has_touch=act is touch).new_page()
        posts: list[str] = []
        page.on("request", lambda request, kept=posts: kept.append(request.url) if request.method == "POST" else None)

        page.goto(mailed.confirm())
        act(page)
        page.wait_for_function("!document.querySelector('form[data-first-input]')")
        assert mailed.state() == (1, 2 * number + 1, 2 * number, 2 * number, number + 1), act
        page.goto(mailed.leave())
        act(page)
        page.wait_for_function("!document.querySelector('form[data-first-input]')")
        assert mailed.state() == (1, 2 * number + 2, 2 * number + 1, 2 * number + 1, number + 1), act
        assert len(posts) == 2
        mailed.clear()


def test_after_leaving_the_other_newsletters_wait_for_a_click_of_their_own(
    mailed: Links, new_context: NewContext
) -> None:
    first, _second = (make_recipient(make_newsletter(title=title), "kim@example.org") for title in ("Eins", "Zwei"))
    page = new_context().new_page()

    page.goto(f"{mailed.url}/u/{links.unsubscribe_token(first.link_key)}")
    page.mouse.move(200, 200)
    expect(page.get_by_text("Zwei")).to_be_visible()
    for place in range(100, 400, 30):
        page.mouse.move(place, place)
    page.wait_for_timeout(500)
    assert mailed.state()[0] == 1

    page.locator("button.big").click()
    expect(page.get_by_text("Zwei")).to_have_count(0)
    assert mailed.state()[0] == 0


def test_without_javascript_the_button_does_it(mailed: Links, new_context: NewContext) -> None:
    page = new_context(java_script_enabled=False).new_page()
    targets = [mailed.confirm(), mailed.leave()]

    page.goto(targets[0])
    page.mouse.move(200, 200)
    page.mouse.move(220, 220)
    assert mailed.state() == (1, 1, 0, 0, 0)
    page.locator("form button").click()
    assert mailed.state() == (2, 2, 0, 0, 1)

    page.goto(targets[1])
    page.locator("form button").click()
    assert mailed.state() == (1, 2, 1, 1, 1)


def test_head_get_and_prefetch_a_hundred_times_change_nothing(mailed: Links, new_context: NewContext) -> None:
    request = new_context().request
    targets = [mailed.confirm(), mailed.leave()]
    before = mailed.state()

    for target in targets:
        for number in range(100):
            headers = {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "X-Moz": "prefetch"} if number % 2 else {}
            assert request.head(target, headers=headers).status == 200
            assert request.get(target, headers=headers).status == 200

    assert mailed.state() == before
