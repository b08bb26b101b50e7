"""Accounts: nobody has a password until they chose one by a link that works once."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db, utcnow
from newsletter.core.errors import BadToken, Conflict, Expired, Invalid
from newsletter.staff import accounts
from newsletter.staff.models import Staff
from tests.staff.signing_in import PASSWORD, choose_password, csrf_token, link_of, log_in, signed_in


def test_a_one_time_link_lets_its_person_choose_a_password_and_signs_them_in(client: FlaskClient) -> None:
    staff = accounts.create("Anna@Staff.example", "marketing")

    answer = choose_password(client, link_of(staff))

    assert answer.location == "/staff/"
    assert client.get("/staff/").status_code == 200
    assert staff.email == "anna@staff.example"


def test_a_one_time_link_works_once(client: FlaskClient, app: Flask) -> None:
    path = link_of(accounts.create("anna@staff.example", "marketing"))
    choose_password(client, path)

    stranger = app.test_client()
    token = csrf_token(stranger.get("/staff/login"))
    answers = [
        stranger.get(path),
        stranger.post(path, data={"csrf_token": token, "password": "x" * 20, "again": "x" * 20}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert log_in(app.test_client(), "anna@staff.example").status_code == 302


def test_looking_at_a_one_time_link_uses_nothing_up(client: FlaskClient) -> None:
    path = link_of(accounts.create("anna@staff.example", "marketing"))

    for _ in range(3):
        client.get(path)
        client.head(path)

    assert choose_password(client, path).status_code == 302


def test_a_one_time_link_ends_after_24_hours(app: Flask) -> None:
    token = link_of(accounts.create("anna@staff.example", "marketing")).rpartition("/")[2]

    with time_machine.travel(utcnow().timestamp() + 24 * 3600 + 5), pytest.raises(Expired):
        accounts.by_one_time_token(token)


def test_a_bent_link_is_refused_like_an_unknown_one(client: FlaskClient) -> None:
    path = link_of(accounts.create("anna@staff.example", "marketing"))

    answers = [client.get(bent) for bent in (path[:-1], path + "x", "/staff/set-password/x", path.upper())]

    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize(
    ("password", "again", "field"),
    [("short", "short", "password"), (PASSWORD, PASSWORD + "x", "again"), ("a" * 15, "a" * 15, "password")],
)  # fmt: skip
def test_a_bad_password_is_said_at_its_field_and_leaves_the_link_good(
    client: FlaskClient, password: str, again: str, field: str
) -> None:
    path = link_of(accounts.create("anna@staff.example", "marketing"))

    answer = choose_password(client, path, password, again)

    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert password not in answer.text
    assert choose_password(client, path).status_code == 302


def test_nobody_can_sign_in_to_an_account_without_a_password(client: FlaskClient) -> None:
    staff = accounts.create("anna@staff.example", "admin")

    answers = [log_in(client, staff.email, password) for password in ("", "password", " ")]

    assert {answer.status_code for answer in answers} == {200}
    assert client.get("/staff/").status_code == 302


@pytest.mark.slow_passwords
def test_passwords_are_stored_as_argon2_with_at_least_what_owasp_asks_for(client: FlaskClient) -> None:
    signed_in(client, email="anna@staff.example")

    (stored,) = db.session.execute(db.select(Staff.password)).scalars()

    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", stored)
    assert found
    assert int(found[1]) >= 19456
    assert int(found[2]) >= 2


def test_an_address_has_one_account_however_it_is_written(app: Flask) -> None:
    accounts.create("anna@staff.example", "admin")

    with pytest.raises(Conflict):
        accounts.create("ANNA@staff.EXAMPLE", "marketing")


@pytest.mark.parametrize(("email", "role", "field"), [("nobody", "admin", "email"), ("a@b.example", "boss", "role")])
def test_a_wrong_address_or_role_is_named(app: Flask, email: str, role: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        accounts.create(email, role)

    assert list(caught.value.errors) == [field]


def test_closing_an_account_ends_its_sessions_and_links(client: FlaskClient) -> None:
    signed_in(client, email="anna@staff.example")
    staff = db.session.execute(db.select(Staff)).scalar_one()
    token = link_of(staff).rpartition("/")[2]

    accounts.deactivate(staff)

    assert client.get("/staff/").status_code == 302
    with pytest.raises(BadToken):
        accounts.by_one_time_token(token)
    with pytest.raises(Conflict):
        accounts.one_time_login_url(staff)


def test_the_last_administrator_stays(app: Flask) -> None:
    only = accounts.create("anna@staff.example", "admin")
    accounts.create("mia@staff.example", "marketing")

    with pytest.raises(Conflict):
        accounts.deactivate(only)

    second = accounts.create("berta@staff.example", "admin")
    accounts.deactivate(only)
    assert [staff.email for staff in accounts.every() if staff.active] == ["berta@staff.example", "mia@staff.example"]
    assert second.active
