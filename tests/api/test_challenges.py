"""A sign-up over the API under pressure: a challenge is fetched, its solution handed in; a token is known."""

from collections.abc import Callable

import altcha
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter.config import Settings
from newsletter.core import queues
from newsletter.optin import pressure, proof_of_work
from newsletter.optin.pressure import Level
from newsletter.staff import tokens
from tests.factories import make_newsletter


class Program:
    """A website's own form, which signs people up over the API."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.path = f"/api/v1/newsletters/{make_newsletter().slug}/signups"
        self.sent = 0

    def send(self, token: str = "", **fields: object) -> TestResponse:
        self.sent += 1
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(self.path, json={"email": f"p{self.sent}@example.org", **fields}, headers=headers)

    def proof(self) -> str:
        """Fetch a challenge and solve it."""
        given = altcha.Challenge.from_dict(self.client.get(f"{self.path}/challenge").json["challenge"])
        solution = altcha.solve_challenge(given)
        assert solution is not None
        return altcha.Payload(given, solution).to_base64()


@pytest.fixture
def program(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """A program at an installation under pressure, where nobody passes without a proof."""
    monkeypatch.setattr(proof_of_work, "COST", {Level.PRESSED: 1, Level.BRAKED: 2})
    monkeypatch.setattr(pressure, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(pressure, "_minute", lambda: 29_000_000)
    monkeypatch.setattr(pressure, "TRICKLE", dict.fromkeys(Level, (0, 0)))
    queues.redis().set("newsletter:signups:29000000", 4)
    return Program(make_app(settings | {"SIGNUPS_PER_MINUTE": 10_000, "SIGNUPS_PRESSURE": 3}))


def test_in_calm_times_there_is_nothing_to_solve(program: Program) -> None:
    queues.redis().flushall()

    challenge = program.client.get(f"{program.path}/challenge")

    assert (challenge.status_code, challenge.json) == (200, {"challenge": None})
    assert program.send().status_code == 202


def test_a_solved_challenge_is_taken_once(program: Program) -> None:
    proof = program.proof()

    without = program.send()
    answers = [program.send(proof=proof).status_code for _time in range(2)]

    assert without.status_code == 429
    assert "solve a challenge" in without.json["detail"]
    assert without.headers["Retry-After"] == "60"
    assert answers == [202, 429]


@pytest.mark.parametrize("proof", ["", "x", "e30=", None])
def test_what_solves_nothing_is_not_taken(program: Program, proof: str | None) -> None:
    assert program.send(proof=proof).status_code == 429


def test_a_proof_that_is_no_text_is_named(program: Program) -> None:
    answer = program.send(proof=7)

    assert (answer.status_code, set(answer.json["errors"])) == (422, {"proof"})


def test_a_token_is_known_unless_the_brake_is_pulled(program: Program, app: Flask) -> None:
    token = tokens.create("website")

    known, invented = program.send(token), program.send("nl_invented")
    queues.redis().set(pressure.BRAKE, 1)
    braked, solved = program.send(token), program.send(token, proof=program.proof())

    assert (known.status_code, invented.status_code) == (202, 429)
    assert (braked.status_code, solved.status_code) == (429, 202)


def test_there_is_no_challenge_for_a_newsletter_that_is_not_there(program: Program) -> None:
    assert program.client.get("/api/v1/newsletters/nothing/signups/challenge").status_code == 404
