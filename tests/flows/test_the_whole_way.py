"""The whole way, once, as people go it: through the processes of the Procfile, in a browser."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page
from redis import Redis

from tests.procfile import Processes
from tests.sink import Mail, Sink
from tests.stores import everything_stored

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ADDRESS = "erika.musterfrau@example.org"
LAST_NAME = "Musterfrau-Lüdenscheidt"
PASSWORD = "vier alte Wörter reichen"
ROOT = Path(__file__).resolve().parents[2]
NewContext = Callable[..., BrowserContext]
Axe = Callable[[Page], None]


def newsletter_command(env: dict[str, str], *arguments: str) -> str:
    """Run the command line; return what it printed for scripts."""
    command = [sys.executable, "-m", "newsletter", *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def follow(page: Page, act: Callable[[], None]) -> None:
    """Do something that leads to another page, and wait until that is there."""
    with page.expect_navigation():
        act()
    page.locator("main h1").first.wait_for()


def sign_in(page: Page, env: dict[str, str]) -> None:
    page.goto(newsletter_command(env, "staff", "create", "marketing@example.com", "--role", "marketing"))
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=again]").fill(PASSWORD)
    follow(page, page.locator("form button.btn-primary").click)


def make_newsletter(page: Page, url: str) -> None:
    page.goto(f"{url}/staff/newsletters/new")
    for name, value in {
        "slug": "meine-stadtwerke",
        "title": "Meine Stadtwerke",
        "from_name": "Stadtwerke Musterstadt",
        "from_address": "news@stadtwerke-musterstadt.example",
        "imprint": "Stadtwerke Musterstadt GmbH, Musterweg 1, 12345 Musterstadt",
    }.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("select[name=language]").select_option("de")
    follow(page, page.locator("form button.btn-primary").click)


def sign_up(page: Page, url: str, axe: Axe) -> None:
    page.goto(f"{url}/")
    axe(page)
    follow(page, page.get_by_role("link", name="Meine Stadtwerke").first.click)
    page.locator("[name=email]").fill(ADDRESS)
    page.locator("[name=salutation]").first.wait_for()
    page.locator("[name=last_name]").fill(LAST_NAME)
    page.locator("select[name=salutation], [name=salutation][value=ms]").first.evaluate(
        "e => { if (e.tagName === 'SELECT') e.value = 'ms'; else e.checked = true; }"
    )
    axe(page)
    follow(page, page.locator("button.big").click)
    axe(page)


def send_campaign(page: Page, url: str, axe: Axe) -> None:
    page.goto(f"{url}/staff/campaigns/new")
    page.locator("[name=subject]").fill("Der Winter kann kommen")
    page.locator("[name=markdown]").fill("Mehr steht auf [unserer Seite](https://www.example.org/winter).")
    axe(page)
    follow(page, page.locator("form button.btn-primary").first.click)
    axe(page)
    follow(page, page.locator(".page-head a.btn-primary").click)
    axe(page)
    follow(page, page.locator("main form button.btn-primary").click)


def test_from_the_sign_up_to_nothing(
    env: dict[str, str], procfile: Processes, sink: Sink, new_context: NewContext, axe: Axe, foreign_requests: list[str]
) -> None:
    staff, reader = new_context().new_page(), new_context(viewport={"width": 375, "height": 700}).new_page()
    sign_in(staff, env)
    make_newsletter(staff, procfile.url)

    sign_up(reader, procfile.url, axe)
    (confirmation,) = sink.wait(1, to=ADDRESS)
    assert ADDRESS not in everything_stored(env, procfile)
    assert LAST_NAME not in confirmation.text + confirmation.html
    reader.goto(confirmation.link("/confirm/"))
    axe(reader)
    follow(reader, lambda: reader.mouse.move(100, 100))
    axe(reader)
    sink.wait(2, to=ADDRESS)

    send_campaign(staff, procfile.url, axe)
    issue: Mail = sink.wait(3, to=ADDRESS)[-1]
    assert issue.text.startswith(f"Sehr geehrte Frau {LAST_NAME},")

    pixel = issue.html.split('<img src="')[1].split('"')[0]
    assert reader.request.get(pixel).status == 200
    click = reader.request.get(issue.link("/c/"), max_redirects=0)
    assert click.headers["location"] == "https://www.example.org/winter"
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        wait_for_events(connection, 2, procfile)

    reader.goto(issue.link("/u/"))
    axe(reader)
    follow(reader, lambda: reader.mouse.move(200, 200))
    axe(reader)

    left = everything_stored(env, procfile)
    assert ADDRESS not in left
    assert LAST_NAME not in left
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM recipient").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM receipt WHERE closed_at IS NOT NULL").fetchone() == (1,)
    with Redis.from_url(env["REDIS_URL"]) as redis:
        assert not redis.keys("rq:job:*")
    staff.reload()
    axe(staff)
    assert foreign_requests == []


def wait_for_events(connection: psycopg.Connection[tuple[int]], number: int, processes: Processes) -> None:
    """Return when the drain has counted `number` events."""
    for _ in range(200):
        row = connection.execute("SELECT coalesce(sum(total), 0) FROM event WHERE link >= 0").fetchone()
        connection.rollback()
        if row == (number,):
            return
        connection.execute("SELECT pg_sleep(0.1)")
    raise AssertionError(f"{row} events were counted:\n{processes.log()}")
