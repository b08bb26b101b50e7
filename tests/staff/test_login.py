"""Signing in and out: new session at login, idle and absolute end, ended on the server, throttled."""

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from newsletter.config import Settings
from newsletter.core.db import db, utcnow
from newsletter.staff import accounts
from newsletter.staff.models import Staff
from tests.factories import make_newsletter
from tests.staff.signing_in import PASSWORD, choose_password, csrf_token, link_of, log_in, post, signed_in

EMAIL = "anna@staff.example"
ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "javascript:alert(1)",
]  # fmt: skip
TOKENS = re.compile(r'value="[^"]*"')


@pytest.fixture
def anna(app: Flask) -> Staff:
    staff = accounts.create(EMAIL, "marketing")
    choose_password(app.test_client(), link_of(staff))
    return staff


def test_the_right_password_opens_the_staff_pages(client: FlaskClient, anna: Staff) -> None:
    answer = log_in(client, "ANNA@staff.example")

    assert answer.location == "/staff/"
    assert client.get("/staff/").status_code == 200


def test_a_wrong_password_an_unknown_and_a_closed_account_get_the_same_answer(client: FlaskClient, anna: Staff) -> None:
    closed = accounts.create("closed@staff.example", "marketing")
    choose_password(client.application.test_client(), link_of(closed))
    accounts.deactivate(closed)

    answers = [
        log_in(client, EMAIL, "not the password"),
        log_in(client, "unknown@staff.example"),
        log_in(client, "closed@staff.example"),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert len({TOKENS.sub("", answer.text) for answer in answers}) == 1
    assert 'role="alert"' in answers[0].text


def test_ten_attempts_at_an_account_are_enough(client: FlaskClient, anna: Staff) -> None:
    for _ in range(10):
        assert log_in(client, EMAIL, "not the password").status_code == 200

    assert log_in(client, EMAIL.upper(), PASSWORD).status_code == 429
    other_network = {"environ_base": {"REMOTE_ADDR": "198.51.100.7"}}
    assert log_in(client.application.test_client(), EMAIL, **other_network).status_code == 302


def test_one_who_is_throttled_does_not_throttle_others(client: FlaskClient, anna: Staff) -> None:
    for _ in range(11):
        last = log_in(client, "someone@staff.example", "not the password")

    assert last.status_code == 429
    assert log_in(client, EMAIL).status_code == 302


def test_nothing_of_the_session_before_the_login_is_left(client: FlaskClient, anna: Staff) -> None:
    before = csrf_token(client.get("/staff/login"))
    log_in(client, EMAIL)

    assert csrf_token(client.get("/staff/")) != before
    assert client.post("/staff/logout", data={"csrf_token": before}).status_code == 400


def test_signing_out_ends_every_copy_of_the_session(client: FlaskClient, anna: Staff) -> None:
    log_in(client, EMAIL)
    stolen = client.get_cookie("staff")
    assert stolen
    thief = client.application.test_client()
    thief.set_cookie("staff", stolen.value)
    assert thief.get("/staff/").status_code == 200

    post(client, "/staff/logout")

    assert client.get("/staff/").status_code == 302
    assert thief.get("/staff/").status_code == 302


def test_a_session_ends_after_thirty_minutes_without_an_act(client: FlaskClient, anna: Staff) -> None:
    log_in(client, EMAIL)

    with time_machine.travel(utcnow().timestamp() + 29 * 60):
        assert client.get("/staff/").status_code == 200
    with time_machine.travel(utcnow().timestamp() + 58 * 60):
        assert client.get("/staff/").status_code == 200
    with time_machine.travel(utcnow().timestamp() + 89 * 60):
        assert client.get("/staff/").location == "/staff/login?next=/staff/"


def test_a_session_ends_twelve_hours_after_the_login_whatever_one_does(client: FlaskClient, anna: Staff) -> None:
    log_in(client, EMAIL)

    seen = []
    for minutes in range(20, 13 * 60, 20):
        with time_machine.travel(utcnow().timestamp() + minutes * 60):
            seen.append((minutes, client.get("/staff/").status_code))

    assert {status for minutes, status in seen if minutes < 12 * 60} == {200}
    assert {status for minutes, status in seen if minutes >= 12 * 60} == {302}


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(client: FlaskClient, anna: Staff) -> None:
    answer = log_in(client, EMAIL)

    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("staff=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_on_https_the_cookie_is_bound_to_the_host_and_forms_work_without_a_referrer(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    secure = {"SESSION_COOKIE_NAME": "__Host-staff", "SESSION_COOKIE_SECURE": True}
    app = make_app(settings | {"PUBLIC_URL": "https://news.example.org"} | secure)
    with app.app_context():
        client = app.test_client()
        staff = accounts.create(EMAIL, "marketing")
        address = accounts.one_time_login_url(staff)
        token = csrf_token(client.get(address))
        answer = client.post(address, data={"csrf_token": token, "password": PASSWORD, "again": PASSWORD})

    assert address.startswith("https://news.example.org/staff/set-password/")
    assert answer.status_code == 302
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-staff=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_the_login_leads_nowhere_else(client: FlaskClient, anna: Staff, elsewhere: str) -> None:
    token = csrf_token(client.get("/staff/login", query_string={"next": elsewhere}))

    answer = client.post(
        "/staff/login",
        query_string={"next": elsewhere},
        data={"csrf_token": token, "email": EMAIL, "password": PASSWORD, "next": elsewhere},
    )

    target = urlsplit(urljoin("http://localhost/staff/login", answer.headers.get("Location", "")))
    assert (target.scheme, target.netloc) == ("http", "localhost")


def test_the_login_leads_back_to_the_page_one_wanted(client: FlaskClient, anna: Staff) -> None:
    wanted = client.get("/staff/campaigns?state=draft").location
    token = csrf_token(client.get(wanted))

    answer = client.post(wanted, data={"csrf_token": token, "email": EMAIL, "password": PASSWORD})

    assert answer.location == "/staff/campaigns?state=draft"


def test_public_pages_set_no_cookie_even_for_staff(client: FlaskClient) -> None:
    signed_in(client)
    newsletter = make_newsletter()

    for reader in (client, client.application.test_client()):
        for path in ("/", f"/n/{newsletter.slug}", "/privacy", "/imprint", "/healthz", "/u/x", "/me/x", "/confirm/x"):
            assert "Set-Cookie" not in reader.get(path).headers, path


def test_public_pages_do_not_look_up_who_of_the_staff_is_there(client: FlaskClient) -> None:
    signed_in(client)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *values: asked.append(values[2]))

    client.get("/privacy")
    assert not [statement for statement in asked if "FROM staff" in statement]

    client.get("/staff/")
    assert [statement for statement in asked if "FROM staff" in statement]
