"""The mail catcher: keeps every mail, shows it as it came, and lets it do nothing."""

import os
import smtplib
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from newsletter.demo.inbox import BASE, HEAD, links
from newsletter.demo.mailbox import Mailbox
from newsletter.demo.services import Child, bind, spawn


@dataclass
class Inbox:
    directory: Path
    http_port: int = 0
    smtp_port: int = 0
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/"

    def start(self) -> None:
        command = [sys.executable, "-W", "error", "-m", "newsletter.demo.inbox", str(self.directory)]
        log = self.directory.with_suffix(".log")
        with log.open("wb") as output, bind(self.smtp_port) as smtp, bind(self.http_port) as http:
            # Another start takes the same ones.
            self.smtp_port, self.http_port = smtp.getsockname()[1], http.getsockname()[1]
            fds = (smtp.fileno(), http.fileno())
            command += [*map(str, fds), self.url.rstrip("/")]
            self.child = spawn("inbox", command, env={"PATH": os.defpath}, output=output, pass_fds=fds)
        deadline = time.monotonic() + 30
        while not self.answers():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url), smtplib.SMTP("127.0.0.1", self.smtp_port):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        assert self.child is not None
        assert self.child.stop() == 0

    def mail(self, subject: str, html: str = "<p>Hallo</p>", text: str = "Hallo") -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "Werk <werk@example.com>", "eva@example.org", subject
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.smtp_port) as relay:
            relay.send_message(message)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = Inbox(tmp_path / "inbox")
    inbox.start()
    yield inbox
    inbox.stop()


@pytest.mark.browser
def test_mail_appears_by_itself_and_newest_first(inbox: Inbox, page: Page) -> None:
    page.goto(inbox.url)
    expect(page.get_by_text("No mail yet")).to_be_visible()

    inbox.mail("Die erste")
    inbox.mail("Die zweite ist größer")

    expect(page.locator(".subject")).to_have_text(["Die zweite ist größer", "Die erste"])


@pytest.mark.browser
def test_the_views_show_html_text_and_source(inbox: Inbox, page: Page) -> None:
    inbox.mail("Drei Ansichten", "<h2>Schön</h2>", "Siehe https://werk.example/a?b=1.")

    page.goto(inbox.url)
    page.get_by_text("Drei Ansichten").click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="Schön")).to_be_visible()
    page.get_by_role("link", name="Text", exact=True).click()
    expect(page.get_by_role("link", name="https://werk.example/a?b=1", exact=True)).to_have_attribute(
        "target", "_blank"
    )
    page.get_by_role("link", name="Headers and source").click()
    expect(page.locator("pre")).to_contain_text("Subject: Drei Ansichten")
    expect(page.locator("pre")).to_contain_text("Envelope recipient: eva@example.org")


@pytest.mark.browser
def test_a_mail_runs_no_script_and_asks_no_third_party(inbox: Inbox, page: Page) -> None:
    inbox.mail(
        "Böse", '<h2>Da</h2><script>parent.document.title = "broken"</script><img src="http://third.example/x.gif">'
    )

    page.goto(inbox.url)
    page.get_by_text("Böse").click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="Da")).to_be_visible()

    # That nothing was asked of others is checked when the page fixture ends.
    assert page.title() == "Böse – Inbox"


@pytest.mark.browser
def test_a_link_in_a_mail_opens_beside_the_inbox(inbox: Inbox, page: Page) -> None:
    inbox.mail("Ein Link", f'<!doctype html><head><title>x</title></head><a href="{inbox.url}mails">Hin</a>')
    page.goto(inbox.url)
    page.get_by_text("Ein Link").click()

    with page.expect_popup() as opened:
        page.frame_locator("iframe").get_by_role("link", name="Hin").click()

    expect(opened.value.get_by_text("Ein Link")).to_be_visible()
    assert "/mail/" in page.url


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 320)])
def test_the_inbox_is_accessible(
    inbox: Inbox,
    new_context: Callable[..., BrowserContext],
    axe: Callable[[Page], None],
    scheme: str,
    width: int,
) -> None:
    page = new_context(color_scheme=scheme, viewport={"width": width, "height": 700}).new_page()
    page.goto(inbox.url)
    axe(page)
    inbox.mail("Eine sehr lange Betreffzeile, die auf einem schmalen Bildschirm umbrechen muss")
    page.reload()
    axe(page)

    page.locator(".subject").click()
    for view in ("HTML", "Text", "Headers and source"):
        page.get_by_role("link", name=view, exact=True).click()
        page.wait_for_load_state()  # with its frame, which axe looks into
        axe(page)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_mails_outlive_the_inbox(inbox: Inbox) -> None:
    inbox.mail("Bleibt")

    inbox.stop()
    inbox.start()

    with urllib.request.urlopen(inbox.url) as answer:
        assert "Bleibt" in answer.read().decode()


def test_an_unknown_mail_is_not_found(inbox: Inbox) -> None:
    with pytest.raises(urllib.request.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{inbox.url}mail/17")
    refused.value.close()


def test_a_mail_is_kept_as_it_came(tmp_path: Path) -> None:
    raw = b"Subject: =?utf-8?q?gr=C3=BCn?=\r\nX-Odd: \xff\r\n\r\n.\r\nbody"

    number = Mailbox(tmp_path).put(raw, "from@example.org", ["to@example.org"])

    kept = Mailbox(tmp_path).get(number)
    assert kept is not None
    assert (kept.raw, kept.subject, kept.envelope_to) == (raw, "grün", ["to@example.org"])


def test_text_that_looks_like_html_stays_text() -> None:
    shown = str(links('<b> https://a.example/?x=1&y=2, "https://b.example"'))

    assert "<b>" not in shown
    assert 'href="https://a.example/?x=1&amp;y=2"' in shown
    assert 'href="https://b.example"' in shown


@pytest.mark.parametrize("start", ["<!DOCTYPE html><html lang=de><head class=a>", "<html>", "<!doctype html>", ""])
def test_the_base_comes_behind_the_doctype(start: str) -> None:
    assert HEAD.sub(rf"\g<0>{BASE}", f"{start}<p>", count=1) == f"{start}{BASE}<p>"
