"""The staff pages in a real browser, against the processes of the Procfile: from the one-time link to the report."""

import time
from collections.abc import Callable
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core.db import db, utcnow
from newsletter.staff import accounts
from tests.factories import make_campaign, make_newsletter, make_recipients
from tests.procfile import Processes
from tests.sink import Sink
from tests.staff.signing_in import PASSWORD

pytestmark = pytest.mark.browser
# Processes, a browser and axe share the machine with everything else that runs.
expect.set_options(timeout=20_000)

STATIC_PAGES = [
    "/staff/", "/staff/newsletters/", "/staff/newsletters/new", "/staff/newsletters/{slug}", "/staff/campaigns",
    "/staff/campaigns/new", "/staff/admin/accounts", "/staff/admin/tokens", "/staff/admin/audit",
    "/staff/admin/person",
]  # fmt: skip
LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", 1280), ("dark", 1280), ("dark", 390), ("light", 320)]
Axe = Callable[[Page], None]


@pytest.fixture
def admin(app: Flask, procfile: Processes, new_context: Callable[..., BrowserContext], axe: Axe) -> Page:
    """A page of an administrator who has just come in by the one-time link. Complaints of the browser fail the test."""
    page = new_context(locale="en-GB").new_page()
    page.on("console", _no_complaint)
    page.goto(accounts.one_time_login_url(accounts.create("anna@staff.example", "admin")))
    axe(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def _no_complaint(message: ConsoleMessage) -> None:
    assert message.type not in ("error", "warning"), message.text


def test_a_campaign_is_written_previewed_tested_sent_and_read_about(
    admin: Page, app: Flask, procfile: Processes, sink: Sink, axe: Axe
) -> None:
    newsletter = make_newsletter(slug="meine")
    make_recipients(newsletter, 12)
    page, preview = admin, admin.frame_locator("iframe[title=Preview]:not(.coming)")

    page.goto(f"{procfile.url}/staff/campaigns/new?newsletter=meine")
    axe(page)
    page.get_by_label("Subject").fill("Winter prices")
    page.get_by_label("Text", exact=True).press_sequentially("## Good news\n\nRead [more](https://www.example.org/x).")
    expect(preview.get_by_role("heading", name="Good news")).to_be_visible()
    expect(preview.get_by_text("Sehr geehrte Frau Dr. Müller")).to_be_visible()
    page.get_by_label("As it is for").select_option("names")
    expect(preview.get_by_text("Guten Tag Kim Beispiel")).to_be_visible()
    page.get_by_text("Text only").click()
    expect(preview.locator("pre")).to_contain_text("https://www.example.org/x")
    page.get_by_text("Phone", exact=True).click()
    expect(page.locator("iframe[title=Preview]").last).to_have_css("width", "375px")

    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("button", name="Send the test mail")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Send the test mail").click()
    expect(page.get_by_text("The test mail is on its way.")).to_be_visible()
    sink.wait(1)
    assert sink.mails[0].to == ["anna@staff.example"]

    page.get_by_role("link", name="Send…").first.click()
    expect(page.get_by_role("button", name="Send to 12 recipients")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Send to 12 recipients").click()
    # The page follows the sending by itself: nobody reloads it here.
    expect(page.locator(".state")).to_have_text("Sent", timeout=30_000)
    expect(page.get_by_role("heading", name="What people got")).to_be_visible()
    page.wait_for_load_state()
    axe(page)
    assert len(sink.mails) == 13
    assert db.session.execute(db.select(Campaign.state)).scalar_one() is CampaignState.SENT


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen_in_light_and_dark(
    admin: Page, procfile: Processes, axe: Axe
) -> None:
    newsletter = make_newsletter(slug="meine", title="Meine Stadtwerke")
    make_recipients(newsletter, 2)
    make_campaign(newsletter, subject="A draft with a rather long subject that has to wrap on a phone")
    make_campaign(newsletter, state=CampaignState.PAUSED, started_at=utcnow())
    make_campaign(newsletter, state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())
    admin.goto(f"{procfile.url}/staff/campaigns")
    links = [link.get_attribute("href") or "" for link in admin.locator("a.row-title").all()]

    assert len(links) == 3
    for path in [*STATIC_PAGES, *links, f"{links[-1]}/edit", f"{links[-1]}/send", f"{links[-1]}/delete"]:
        admin.goto(procfile.url + path.format(slug="meine"))
        for scheme, width in LOOKS:
            _look(admin, scheme, width)
            axe(admin)
            wider = admin.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, (path, scheme, width)


def _look(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)


def test_the_pages_work_by_keyboard_and_without_javascript(
    app: Flask, procfile: Processes, new_context: Callable[..., BrowserContext], sink: Sink
) -> None:
    newsletter = make_newsletter(slug="meine")
    make_recipients(newsletter, 1)
    page = new_context(locale="en-GB", java_script_enabled=False).new_page()
    page.goto(accounts.one_time_login_url(accounts.create("anna@staff.example", "marketing")))
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.goto(f"{procfile.url}/staff/campaigns/new")
    page.get_by_label("Subject").fill("By keyboard")
    page.get_by_label("Text", exact=True).fill("Hello")
    page.get_by_role("button", name="Refresh").press("Enter")
    expect(page.frame_locator("iframe[title=Preview]").get_by_text("Hello")).to_be_visible()
    page.get_by_role("button", name="Save and check").press("Enter")
    page.get_by_role("link", name="Send…").first.press("Enter")
    page.get_by_role("button", name="Send to 1 recipient").press("Enter")

    sink.wait(1)
    deadline = time.monotonic() + 20
    while page.locator(".state").inner_text() != "Sent":
        assert time.monotonic() < deadline
        page.reload()


def test_leaving_the_editor_with_unsaved_text_asks_first(admin: Page, procfile: Processes) -> None:
    make_newsletter(slug="meine")
    admin.goto(f"{procfile.url}/staff/campaigns/new")
    asked: list[str] = []
    admin.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    admin.get_by_label("Subject").press_sequentially("Not saved")
    expect(admin.get_by_text("Not saved yet")).to_be_visible()
    admin.get_by_role("link", name="Overview").click()
    expect(admin.get_by_role("heading", name="Overview")).to_be_visible()

    assert asked == ["beforeunload"]
