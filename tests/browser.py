"""A real browser: Chromium, headless, told to stay with what it is shown."""

import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",  # root, and containers, have no other way; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL = ("localhost", "127.0.0.1")


def executable() -> str:
    """Return the path of Chromium; fail and say how to get it when there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "There is no Chromium: `make test` installs one, or set CHROMIUM to its path."
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the whole run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def foreign_requests() -> list[str]:
    """What pages asked of other origins than their own. It must be empty when the test ends (P10): a test
    that follows a link out on purpose takes the URL out of the list. No such request is ever carried out."""
    return []


@pytest.fixture
def new_context(browser: Browser, foreign_requests: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    """A factory of separate visitors: `new_context(java_script_enabled=False, color_scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**{"locale": "de-DE", **options})  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        context.route("**/*", lambda route: _stay(route, foreign_requests))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert foreign_requests == [], "a page asked a third party"


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A page of a German-speaking visitor with a large screen."""
    return new_context().new_page()


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Assert that axe finds nothing on the page as it stands."""

    def check(page: Page) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    return check


def _stay(route: Route, foreign: list[str]) -> None:
    if _foreign(route.request):
        foreign.append(route.request.url)
        route.abort()
    else:
        route.continue_()


def _foreign(request: Request) -> bool:
    """Return whether the request leaves this machine, or a page loads a part from another origin."""
    target = urlsplit(request.url)
    if target.scheme not in ("http", "https"):
        return False
    if request.is_navigation_request():
        return target.hostname not in LOCAL
    return target.netloc != urlsplit(request.frame.url).netloc
