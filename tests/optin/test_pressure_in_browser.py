"""The form under pressure in a real browser: the worker solves what is asked, and nothing breaks without script."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect
from redis import Redis

from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from newsletter.optin import gate, pressure
from tests.factories import make_newsletter
from tests.procfile import Processes
from tests.signups import count

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def url(redis_url: str, app: Flask, make_processes: Processes) -> Iterator[str]:
    """A form under pressure: its brake is pulled, so that no clock matters."""
    slug = make_newsletter().slug
    with Redis.from_url(redis_url) as redis:
        redis.set(pressure.BRAKE, 1)
    make_processes.start("web", SIGNUPS_PER_MINUTE="10000")
    make_processes.wait_for("/healthz")
    yield f"{make_processes.url}/n/{slug}"
    db.session.remove()


def proofs(redis_url: str) -> int:
    """Return how many proofs were taken."""
    with Redis.from_url(redis_url) as redis:
        return len(list(redis.scan_iter("newsletter:proof:*")))


def test_the_browser_proves_its_work_while_the_person_types(
    url: str, redis_url: str, page: Page, axe: Callable[[Page], None]
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    axe(page)

    page.locator("[name=email]").fill("kim@example.org")
    page.wait_for_timeout((gate.QUICKEST_SECONDS + 1) * 1000)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.locator("h1")).to_have_text("Bitte sehen Sie in Ihr Postfach", timeout=60_000)

    assert proofs(redis_url) == 1
    assert said == []
    assert count(OutboxMail) == 1


def test_without_script_the_form_says_what_to_expect_and_is_taken(
    url: str, redis_url: str, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(url)

    assert "JavaScript" in page.locator("noscript").inner_html()
    expect(page.locator("#work")).to_be_hidden()
    page.locator("[name=email]").fill("kim@example.org")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.locator("h1")).to_have_text("Bitte sehen Sie in Ihr Postfach")

    assert proofs(redis_url) == 0
    assert count(OutboxMail) == 1


def test_where_the_worker_fails_the_form_is_sent_all_the_same(url: str, redis_url: str, page: Page) -> None:
    page.route("**/solve.js", lambda route: route.abort())
    page.goto(url)

    page.locator("[name=email]").fill("kim@example.org")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.locator("h1")).to_have_text("Bitte sehen Sie in Ihr Postfach")

    assert proofs(redis_url) == 0
