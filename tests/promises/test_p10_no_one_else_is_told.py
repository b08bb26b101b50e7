"""P10: no page or mail loads anything from a third party, and no page sets a cookie."""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import BrowserContext, Page

from newsletter.core.db import db, utcnow
from newsletter.optin import restraint
from newsletter.privacy import documents, wordings
from newsletter.recipients import links, versions
from tests.factories import make_newsletter, make_recipient
from tests.procfile import Processes
from tests.signups import confirm_path, make_address_change, make_sign_up, path, sign_up
from tests.sink import Sink

LOADS = re.compile(r"<(?:img|script|iframe|video|audio|source|object|embed|link)\b|url\(|@import|background=|srcset=")
PAGE_OCTETS = 30_000


def every_page() -> list[str]:
    """Return the path of every page that subscribers see."""
    newsletter = make_newsletter(title="Meine Stadtwerke", measurement="ask")
    recipient = make_recipient(newsletter)
    see = links.preferences_token(recipient.link_key)
    aged = links.preferences_token(recipient.link_key, utcnow() - timedelta(days=90))
    confirm = confirm_path(make_sign_up(newsletter, "kim@example.org"))
    leave = f"/u/{links.unsubscribe_token(recipient.link_key)}"
    not_me = f"/not-me/{restraint.not_me_token('kim@example.org')}"
    versions.note_all()
    (consent,) = documents.every(wordings.CONSENT, newsletter_id=newsletter.id)
    pages = [
        "/",
        "/privacy",
        "/imprint",
        "/contact",
        "/me",
        f"/n/{newsletter.slug}",
        f"/n/{newsletter.slug}/consent",
        f"/n/{newsletter.slug}/consent/{consent.name}",
        confirm,
        not_me,
        leave,
        f"/me/{see}",
        f"/me/{aged}",
        path(links.mailed_preferences_url(recipient.link_key)) + "/address",
        f"/new-address/{make_address_change(recipient, 'new@example.org').token()}",
    ]
    return [*pages, "/confirm/x", "/not-me/x", "/u/x", "/me/x", "/new-address/x", "/nothing"]


def test_no_answer_knows_of_cookies_even_when_one_is_sent(client: FlaskClient) -> None:
    client.set_cookie("staff", "eyJhIjoxfQ.abc.def")

    for page in every_page():
        for method in ("GET", "POST"):
            answer = client.open(page, method=method)

            assert not {"Set-Cookie", "Vary"} & set(answer.headers.keys()), page
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_no_mail_of_the_service_loads_anything(client: FlaskClient, run_jobs: Callable[[], int], sink: Sink) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, "kim@example.org")
    run_jobs()
    client.post(path(sink.mails[0].link("/confirm/")))
    sign_up(client, newsletter, "kim@example.org")
    old = links.preferences_token(make_recipient(newsletter, "old@example.org").link_key, utcnow() - timedelta(days=90))
    client.post(f"/me/{old}/fresh")
    run_jobs()

    assert len(sink.mails) == 4
    for mail in sink.mails:
        assert not LOADS.search(mail.html), mail.subject
        assert "<style" in mail.html
        assert "@media" in mail.html


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_no_page_asks_a_third_party_or_keeps_anything_and_axe_finds_nothing(
    app: Flask,
    make_processes: Processes,
    new_context: Callable[..., BrowserContext],
    axe: Callable[[Page], None],
    foreign_requests: list[str],
) -> None:
    pages = every_page()
    db.session.remove()
    make_processes.start("web")
    make_processes.wait_for("/healthz")
    visitors = [
        new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale=locale)
        for width, scheme, locale in ((1280, "light", "de-DE"), (320, "dark", "en-GB"))
    ]

    for visitor in visitors:
        page = visitor.new_page()
        octets: list[int] = []
        refused: list[str] = []
        page.on("response", lambda response, kept=octets: kept.append(len(response.body())))
        page.on("console", lambda message, kept=refused: kept.append(message.text))
        for each in pages:
            octets.clear()
            page.goto(make_processes.url + each, wait_until="networkidle")
            axe(page)
            assert sum(octets) < PAGE_OCTETS, each
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), each
        assert visitor.cookies() == []
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert [line for line in refused if "Failed to load resource" not in line] == []
    assert {urlsplit(url).hostname for url in foreign_requests} == set()
