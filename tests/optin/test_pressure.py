"""What the form asks of a sign-up when many arrive: time, a proof of work, or patience. And what it never asks."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import altcha
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter.config import Settings
from newsletter.core.db import utcnow
from newsletter.mail.models import OutboxMail
from newsletter.optin import gate, pressure, proof_of_work
from newsletter.optin.pressure import Level
from tests.factories import make_newsletter
from tests.signups import count, sign_up

CHALLENGE = re.compile(r'data-challenge="([^"]+)"')
SHOWN = re.compile(r'name="shown" value="([^"]+)"')


@pytest.fixture(autouse=True)
def small_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "COST", {Level.PRESSED: 1, Level.BRAKED: 2})
    monkeypatch.setattr(pressure, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(pressure, "_minute", lambda: 29_000_000)


@pytest.fixture
def limited(make_app: Callable[[Settings], Flask], settings: Settings, app: Flask) -> Flask:
    """An app that takes three sign-ups in a minute for usual."""
    return make_app(settings | {"SIGNUPS_PER_MINUTE": 10_000, "SIGNUPS_PRESSURE": 3})


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure, "TRICKLE", dict.fromkeys(Level, (2, 3)))


class Form:
    """A newsletter's form in an app, as a browser shows and sends it."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.path = f"/n/{make_newsletter().slug}"
        self.sent = 0

    def show(self, *, minutes_ago: float = 1) -> dict[str, str]:
        """Return the hidden fields of a form that was shown a while ago, its challenge solved."""
        fields = self.hidden(self.client.get(self.path).text)
        with self.client.application.app_context(), time_machine.travel(utcnow() - timedelta(minutes=minutes_ago)):
            return fields | {"shown": gate.shown_now()}

    def hidden(self, page: str) -> dict[str, str]:
        shown, challenge = SHOWN.search(page), CHALLENGE.search(page)
        assert shown is not None
        fields = {"shown": shown[1]}
        if challenge is not None:
            given = altcha.Challenge.from_dict(json.loads(unescape(challenge[1])))
            solution = altcha.solve_challenge(given)
            assert solution is not None
            fields["proof"] = altcha.Payload(given, solution).to_base64()
        return fields

    def send(self, network: int = 1, **fields: str) -> TestResponse:
        self.sent += 1
        return self.client.post(
            self.path,
            data={"email": f"p{self.sent}@example.org"} | fields,
            environ_overrides={"REMOTE_ADDR": f"203.{network}.113.7"},
        )

    def press(self) -> None:
        """Send what brings the pressure about."""
        for number in range(4):
            assert self.send(100 + number).status_code == 200


def test_in_calm_times_nothing_is_asked_and_no_script_is_loaded(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    page = client.get(f"/n/{newsletter.slug}").text

    assert "<script" not in page
    assert "challenge" not in page
    assert sign_up(client, newsletter, "kim@example.org").status_code == 200


def test_under_pressure_the_form_asks_for_a_proof_and_takes_it_once(limited: Flask, few: None) -> None:
    form = Form(limited)
    form.press()
    fields = form.show()

    with_proof = [form.send(1, **form.show()).status_code for _ in range(6)]
    again = [form.send(1, **fields).status_code for _ in range(5)]

    assert with_proof == [200] * 6
    assert again == [200, 200, 200, 429, 429], "once by the proof, then by the few that pass without"


def test_without_script_a_few_pass_and_the_others_are_told_to_come_again(limited: Flask, few: None) -> None:
    form = Form(limited)
    form.press()

    from_one = [form.send(1, shown="").status_code for _ in range(4)]
    from_others = [form.send(network).status_code for network in (2, 3, 4)]
    answer = form.send(1, first_name="Kim")

    assert from_one == [200, 200, 429, 429]
    assert from_others == [429, 429, 429]
    assert answer.headers["Retry-After"] == "60"
    assert 'value="Kim"' in answer.text
    assert CHALLENGE.search(answer.text)
    assert form.send(1, **form.hidden(answer.text) | {"shown": form.show()["shown"]}).status_code == 200


def test_form_and_api_feel_the_same_pressure(limited: Flask, few: None) -> None:
    form = Form(limited)
    form.press()
    call = f"/api/v1/newsletters/{form.path.rpartition('/')[2]}/signups"

    answers = [form.client.post(call, json={"email": "kim@example.org"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [202, 202, 429, 429]
    assert answers[3].mimetype == "application/problem+json"


def test_the_answer_under_pressure_does_not_depend_on_the_address(limited: Flask, few: None) -> None:
    form = Form(limited)
    form.press()
    for _ in range(4):
        form.send(1)

    answers = [form.send(1, email=email) for email in ("p1@example.org", "new@example.org")]

    assert {answer.status_code for answer in answers} == {429}
    assert len({re.sub(r'(value|data-challenge)="[^"]*"', "", answer.text) for answer in answers}) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields | {"proof": ""},
        lambda fields: fields | {"proof": fields["proof"][:-8]},
        lambda fields: fields | {"proof": "e30="},
        lambda fields: fields | {"proof": "A" * 3000},
        lambda fields: fields | {"shown": ""},
        lambda fields: fields | {"shown": fields["shown"][:-1] + "_"},
        lambda fields: {},
    ],
)
def test_what_is_missing_or_bent_counts_as_no_proof(
    limited: Flask, few: None, change: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    form = Form(limited)
    form.press()
    for _ in range(2):
        form.send(1)

    assert form.send(1, **change(form.show())).status_code == 429


def test_a_proof_made_without_us_is_none(limited: Flask, few: None) -> None:
    form = Form(limited)
    form.press()
    for _ in range(2):
        form.send(1)
    own = altcha.create_challenge("PBKDF2/SHA-256", 1, key_prefix="", hmac_secret="not ours", expires_at=2**33)
    solution = altcha.solve_challenge(own)
    assert solution is not None

    assert form.send(1, **form.show() | {"proof": altcha.Payload(own, solution).to_base64()}).status_code == 429


def test_a_proof_gets_too_old(limited: Flask, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "GOOD_FOR_SECONDS", -1)
    form = Form(limited)
    form.press()
    for _ in range(2):
        form.send(1)

    assert form.send(1, **form.show()).status_code == 429


def test_who_fills_in_a_form_within_a_second_is_one_of_few(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask, few: None
) -> None:
    form = Form(make_app(settings | {"SIGNUPS_PER_MINUTE": 10_000}))

    quick = [form.send(1, **form.show(minutes_ago=0)).status_code for _ in range(4)]
    slow = form.send(1, **form.show(minutes_ago=0.1)).status_code

    assert quick == [200, 200, 429, 429]
    assert slow == 200


def test_what_fills_in_every_field_gets_the_answer_of_people_and_mails_nobody(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    person = sign_up(client, newsletter, "kim@example.org")
    program = sign_up(client, newsletter, "kim@example.org", website="https://spam.example")

    assert (person.status, person.data, str(person.headers)) == (program.status, program.data, str(program.headers))
    assert count(OutboxMail) == 1


def test_with_redis_lost_or_away_it_is_calm(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask
) -> None:
    alone = make_app(
        settings | {"REDIS_URL": "redis://127.0.0.1:1/0", "SIGNUPS_PER_MINUTE": 10_000, "SIGNUPS_PRESSURE": 3}
    )
    form = Form(alone)

    statuses = {form.send(1).status_code for _ in range(8)}

    assert statuses == {200}
    assert form.client.get(form.path).status_code == 200


def test_with_redis_away_a_network_still_has_no_more_than_its_share(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask
) -> None:
    form = Form(make_app(settings | {"REDIS_URL": "redis://127.0.0.1:1/0", "SIGNUPS_PER_MINUTE": 3}))

    from_one = [form.send(1).status_code for _ in range(4)]

    assert from_one == [200, 200, 200, 429]
    assert form.send(2).status_code == 200


def test_who_comes_after_their_networks_share_keeps_what_they_wrote(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask
) -> None:
    form = Form(make_app(settings | {"SIGNUPS_PER_MINUTE": 1}))
    form.send(1)

    answer = form.send(1, first_name="Kim")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert 'value="Kim"' in answer.text


def test_what_is_entered_wrong_counts_like_what_is_right(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask
) -> None:
    form = Form(make_app(settings | {"SIGNUPS_PER_MINUTE": 3}))
    call = f"/api/v1/newsletters/{form.path.rpartition('/')[2]}/signups"
    network = {"REMOTE_ADDR": "203.1.113.7"}

    by_form = [form.send(1, email=email).status_code for email in ("nobody", "")]
    by_call = form.client.post(call, json={"email": "nobody"}, environ_overrides=network).status_code

    assert (by_form, by_call) == ([422, 422], 422)
    assert form.send(1).status_code == 429
    assert form.client.post(call, json={"email": "p@example.org"}, environ_overrides=network).status_code == 429


def test_a_slip_of_the_pen_does_not_use_up_the_proof(limited: Flask, few: None) -> None:
    form = Form(limited)
    form.press()
    for _ in range(2):
        form.send(1)
    fields = form.show()

    slip = form.send(1, **fields, email="kim@")
    right = form.send(1, **fields, email="kim@example.org")

    assert (slip.status_code, right.status_code) == (422, 200)
