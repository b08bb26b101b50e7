"""`newsletter promises` finds a broken promise on the running installation, and names it."""

import re
import zlib
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from newsletter import schedule
from newsletter.campaigns.models import CampaignState, DeliveryState
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.optin import routes as optin
from newsletter.privacy import verdicts
from newsletter.promises import answers, every
from newsletter.recipients.person import Person
from newsletter.staff import accounts, audit
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient
from tests.staff.signing_in import csrf_token, signed_in
from tests.tracking.measured import make_measured


@pytest.fixture
def installation(app: Flask) -> Flask:
    """An installation at work: a recipient, campaigns, a measurement, staff, and every rule enforced."""
    newsletter = make_newsletter(slug="news")
    recipient = make_recipient(newsletter, "kim@example.org", person=Person(first_name="Kim"))
    campaign = make_campaign(newsletter, state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())
    make_delivery(campaign, recipient, state=DeliveryState.SENT)
    make_measured()
    accounts.create("anna@staff.example", "admin")
    audit.note("newsletter.create", "News")
    for name, _every, task in schedule.TASKS:
        if name.startswith(("keep no longer", "link receipts")):
            task()
    return app


def broken() -> dict[int, str]:
    """Return what is found, by promise."""
    return {check.number: " / ".join(check.found) for check in every.check() if not check.held}


def execute(query: str) -> None:
    db.session.execute(text(query))
    db.session.commit()


def test_an_installation_at_work_keeps_its_promises_and_says_what_was_looked_at(installation: Flask) -> None:
    checks = list(every.check())

    assert [check.number for check in checks] == list(range(1, 11))
    assert {check.number: check.found for check in checks if check.found} == {}
    assert all(check.looked and check.unseen for check in checks)
    assert set(verdicts.every()) == set(range(1, 11))


EMPTIED = (
    "UPDATE receipt SET closed_at = now() - interval '1 hour', delete_after = now() + interval '1 year',"
    " requested_at = now() - interval '3 hours', confirmed_at = now() - interval '2 hours';"
    "UPDATE recipient SET address_sealed = NULL, address_digest = NULL"
)
BREAKS = {
    "keys past their window": ("UPDATE measurement_key SET ends_at = now() - interval '1 day'", {4, 7}),
    "keys of a campaign sent long ago": ("UPDATE campaign SET started_at = now() - interval '91 days'", {4}),
    "a receipt for another newsletter": ("UPDATE receipt SET newsletter_id = NULL", {5}),
    "a receipt altered in what its seal covers": ("UPDATE receipt SET source = source || '!'", {5}),
    "a rule never enforced": ("DELETE FROM retention_run WHERE name = 'receipts'", {7}),
    "a receipt of another address": ("UPDATE receipt SET address_digest = sha256('x')", {5}),
    "a receipt altered in its words": ("UPDATE receipt SET confirmed_at = confirmed_at - interval '1 minute'", {5}),
    "a receipt deleted": ("DELETE FROM receipt", {5}),
    "a receipt whose times contradict": ("UPDATE receipt SET requested_at = now() + interval '1 day'", {5}),
    "a wording that was changed": ("UPDATE wording SET text = text || '!'", {5}),
    "a rule not enforced for two days": (
        "UPDATE retention_run SET ran_at = ran_at - interval '49 hours' WHERE name = 'audit'", {7},
    ),
    "an entry kept too long": ("UPDATE audit_entry SET at = at - interval '91 days'", {7}),
    "an address in a log table": (
        "INSERT INTO audit_entry (actor, action, subject) VALUES ('x', 'recipients.forget', 'kim@example.org')", {1, 9},
    ),
    "an address among octets": ("UPDATE recipient SET link_key = '\\x00'::bytea || 'kim@example.org'", {1, 9}),
    "an address that is not sealed": ("UPDATE recipient SET address_sealed = 'kim@example.org'", {6, 9}),
    "a delivery lost from the counts": ("DELETE FROM delivery", {8}),
    "a claim nobody holds": ("UPDATE delivery SET state = 'claimed'", {8}),
    "an emptied row left behind": (EMPTIED, {3, 5}),
}  # fmt: skip


@pytest.mark.parametrize("how", BREAKS)
def test_what_breaks_a_promise_in_the_database_is_named(installation: Flask, how: str) -> None:
    query, promises = BREAKS[how]

    execute(query)

    assert set(broken()) == promises


def test_an_address_in_a_table_nobody_knows_is_found(installation: Flask) -> None:
    execute('CREATE TABLE log (line jsonb); INSERT INTO log VALUES (\'{"to": "kim@example.org"}\')')

    found = broken()

    execute("DROP TABLE log")
    assert set(found) == {1, 9}
    assert "log.line" in found[9]
    assert "kim" not in found[9]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rq:job:1", b"\x00to: kim@example.org"),
        ("rq:job:2", zlib.compress(b"failed for kim@example.org")),
        ("seen:kim@example.org", b"1"),
    ],
)
def test_an_address_in_redis_is_found_also_when_it_is_packed(installation: Flask, key: str, value: bytes) -> None:
    queues.redis().set(key, value)

    found = broken()

    assert set(found) == {1, 9}
    assert "kim" not in found[9]


def test_a_page_that_writes_when_it_is_looked_at_is_found(installation: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def writing(token: str) -> str:
        db.session.execute(text("UPDATE newsletter SET title = 'read'"))
        return token

    assert optin.bp.name == "optin"
    monkeypatch.setitem(installation.view_functions, "optin.confirm_page", writing)

    assert 2 in broken()


def test_a_page_that_loads_from_elsewhere_is_found(installation: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    page = '<img src="https://tracker.example/p.gif">'
    monkeypatch.setitem(installation.view_functions, "pages.index", lambda: page)

    assert broken() == {10: "/ loads https://tracker.example/p.gif"}


def test_a_right_without_a_route_is_named(installation: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(answers.RIGHTS, "to fly", ("POST", "/me/<token>/fly"))

    found = {check.number: check.found for check in every.check()}

    assert "nothing answers the right to fly (POST /me/<token>/fly)" in found[6]


def test_the_command_names_the_broken_promise_and_ends_with_one(installation: Flask) -> None:
    execute("UPDATE measurement_key SET ends_at = now() - interval '1 day'")

    result = installation.test_cli_runner().invoke(args=["promises"])

    assert result.exit_code == 1
    assert "BROKEN  P4" in result.output
    assert "kept    P9" in result.output
    assert "can't see: backups" in result.output
    assert not verdicts.every()[4].held
    assert verdicts.every()[4].checked_at > utcnow() - timedelta(minutes=1)


def test_administrators_can_check_from_their_page_and_see_the_evidence(
    installation: Flask, client: FlaskClient
) -> None:
    execute("UPDATE receipt SET confirmed_at = confirmed_at - interval '1 minute'")
    signed_in(client, "admin")
    token = csrf_token(client.get("/staff/admin/promises"))

    page = client.post("/staff/admin/promises", data={"csrf_token": token}).text

    assert page.count("<details") >= 10
    assert re.search(r"<details open>.*?Found:.*?receipt", page, re.DOTALL)
    assert not verdicts.every()[5].held
    assert client.post("/staff/admin/promises").status_code == 400
