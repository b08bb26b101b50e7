"""The alarm and the brake when more confirmation mails go out than usual: who is told, and who lets go."""

import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core import queues
from newsletter.mail.models import OutboxMail
from newsletter.optin import alarm, brake, pressure
from newsletter.optin.pressure import Level
from newsletter.staff import accounts
from tests.factories import make_newsletter
from tests.signups import count, sign_up
from tests.sink import Sink
from tests.staff.signing_in import post, signed_in


@pytest.fixture
def unusual(app: Flask) -> Flask:
    """An installation in which more mails have gone out in this hour than is usual."""
    app.config["CONFIRMATIONS_PER_HOUR"] = 100
    app.config["SIGNUPS_PER_MINUTE"] = 10_000
    confirmations(101)
    return app


def confirmations(number: int, *, hours_ago: int = 0) -> None:
    queues.redis().set(f"newsletter:confirmations:{int(time.time() // 3600) - hours_ago}", number)


def test_more_confirmations_than_usual_pull_the_brake_and_say_so_once(
    unusual: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    for hours_ago, number in enumerate((5, 30, 30, 900, 20), start=1):
        confirmations(number, hours_ago=hours_ago)

    confirmations(300)
    usual = brake.look(), brake.since()
    confirmations(301)
    looks = [brake.look() for _time in range(3)]

    assert usual == (0, None)
    assert looks == [301, 0, 0]
    assert len([record for record in caplog.records if "more than usual" in record.message]) == 1
    assert queues.redis().ttl(pressure.BRAKE) > 3500
    with pressure.arriving("a network") as arrived:
        assert arrived().level is Level.BRAKED


def test_administrators_are_mailed_once_per_incident_and_told_nothing_of_anybody(
    unusual: Flask, run_jobs: Callable[[], int], sink: Sink
) -> None:
    for email, role in (("boss@staff.example", "admin"), ("anna@staff.example", "marketing")):
        accounts.create(email, role)
    accounts.deactivate(accounts.create("gone@staff.example", "admin"))

    for _time in range(3):
        alarm.look()
        run_jobs()

    (mail,) = sink.mails
    assert mail.to == ["boss@staff.example"]
    assert "101" in mail.text
    assert "/staff/" in mail.text
    assert count(OutboxMail) == 0
    queues.redis().delete(pressure.BRAKE)
    alarm.look()
    run_jobs()
    assert len(sink.mails) == 2


def test_staff_see_it_on_every_page_and_an_administrator_lets_go(unusual: Flask) -> None:
    admin, marketing = unusual.test_client(), unusual.test_client()
    signed_in(admin, "admin")
    signed_in(marketing)
    before = admin.get("/staff/").text
    alarm.look()

    pages = [admin.get("/staff/newsletters/").text, marketing.get("/staff/").text]
    refused = post(marketing, "/staff/admin/brake/let-go")
    done = post(admin, "/staff/admin/brake/let-go")

    assert "proof of work" not in before
    assert all("proof of work" in page for page in pages)
    assert ["Let the brake go" in page for page in pages] == [True, False]
    assert (refused.status_code, done.status_code, brake.since()) == (403, 302, None)
    assert "more than 202" in admin.get("/staff/").text
    assert "let go of the brake on sign-ups" in admin.get("/staff/admin/audit").text


def test_what_is_wanted_pulls_no_brake_until_it_doubles(unusual: Flask) -> None:
    brake.look()

    allowed = brake.let_go()
    same = brake.look()
    confirmations(203)
    doubled = brake.look()

    assert (allowed, same, doubled) == (202, 0, 203)


def test_mails_to_confirm_are_counted_by_the_hour(client: FlaskClient, run_jobs: Callable[[], int]) -> None:
    newsletter = make_newsletter()

    for number in range(3):
        sign_up(client, newsletter, f"p{number}@example.org")
    run_jobs()

    (key,) = queues.redis().keys("newsletter:confirmations:*")
    assert int(queues.redis().get(key) or 0) == 3
    assert queues.redis().ttl(key) > 13 * 24 * 3600
