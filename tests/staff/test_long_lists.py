"""Long lists come a page at a time, newest first, and nothing is passed over."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.campaigns import listing, service
from newsletter.campaigns.models import CampaignState
from newsletter.core.db import db
from newsletter.staff import audit, tokens
from tests.factories import make_campaign, make_newsletter
from tests.staff.signing_in import signed_in

_OLDER = re.compile(r'href="([^"]+)" rel="next"')


def walk(client: FlaskClient, path: str, rows: str) -> list[list[str]]:
    """Follow the link to what is older until there is none; return what matches `rows`, by page."""
    pages = []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200
        pages.append(re.findall(rows, answer.text))
        found = _OLDER.search(answer.text)
        path = found[1].replace("&amp;", "&") if found else ""
    return pages


def test_campaigns_are_listed_a_page_at_a_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing.page, "__defaults__", (None, "", None, 2))
    newsletter, other = make_newsletter(), make_newsletter()
    for number in range(5):
        make_campaign(newsletter, subject=f"Number {number}")
        make_campaign(other, subject=f"Other {number}")

    pages = walk(signed_in(client), f"/staff/campaigns?newsletter={newsletter.slug}&state=draft", "(?:Number|Other) .")

    assert pages == [["Number 4", "Number 3"], ["Number 2", "Number 1"], ["Number 0"]]


def test_a_page_that_is_full_to_the_last_row_has_no_older_one(app: Flask) -> None:
    make_campaign()
    make_campaign()

    page = listing.page(size=2)

    assert (len(page.rows), page.has_older) == (2, False)


def test_pages_stay_what_they_were_when_something_new_comes(app: Flask) -> None:
    first, second, third = (make_campaign() for _ in range(3))
    newest = listing.page(size=1).rows[0]
    make_campaign()

    assert newest.id == third.id
    assert [row.id for row in listing.page(before=newest.id).rows] == [second.id, first.id]


def test_no_campaign_is_in_a_state_that_there_is_not(client: FlaskClient) -> None:
    make_campaign(subject="Number 1", state=CampaignState.SENT)

    answer = signed_in(client).get("/staff/campaigns?state=lost")

    assert answer.status_code == 200
    assert "Number 1" not in answer.text


def test_a_bent_place_in_the_list_is_not_found(client: FlaskClient) -> None:
    campaign = make_campaign()
    staff = signed_in(client)

    assert staff.get("/staff/campaigns?before=nonsense").status_code == 404
    assert staff.get(f"/staff/campaigns?before={service.public_id(campaign)}").status_code == 200


def test_the_audit_trail_is_shown_a_page_at_a_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = signed_in(client, "admin")
    for number in range(5):
        audit.note("campaign.send", f"Number {number}")
    monkeypatch.setattr(audit.page, "__defaults__", (None, 2))

    pages = walk(admin, "/staff/admin/audit", "Number .")

    assert pages[:3] == [["Number 4", "Number 3"], ["Number 2", "Number 1"], ["Number 0"]]


def test_tokens_are_listed_a_page_at_a_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = signed_in(client, "admin")
    for number in range(3):
        tokens.create(f"Number {number}")
    monkeypatch.setattr(tokens.page, "__defaults__", (None, 2))

    pages = walk(admin, "/staff/admin/tokens", "Number .")

    assert pages == [["Number 2", "Number 1"], ["Number 0"]]


def test_a_bent_place_in_a_list_of_numbers_is_its_beginning(client: FlaskClient) -> None:
    admin = signed_in(client, "admin")
    tokens.create("Number 1")

    for bent in ("x", "", "9" * 40, "-1e9"):
        assert admin.get(f"/staff/admin/tokens?before={bent}").status_code == 200
    db.session.rollback()
