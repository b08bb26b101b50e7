"""The tests' own house stands: what conftest promises is so."""

import smtplib

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy import func, select

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import transport
from newsletter.mail.message import Email, serialise
from newsletter.mail.replies import InDoubt, RelayAway, SendError
from newsletter.recipients.models import Recipient
from tests import factories
from tests.sink import Sink


def letter(to: str = "one@example.org") -> Email:
    return Email(
        to=to, subject="Hallo", text="https://localhost/confirm/x", html="<p>Hallo</p>", from_name="Werk",
        from_address="news@example.com", message_id="<1@example.com>",
    )  # fmt: skip


def hand_over(mail: Email) -> None:
    with transport.relay() as connection:
        connection.deliver(envelope_from=mail.from_address, to=mail.to, message=serialise(mail))


@pytest.mark.parametrize("run", [1, 2])
def test_every_test_starts_with_an_empty_database_and_valkey(app: Flask, run: int) -> None:
    assert db.session.execute(select(func.count()).select_from(Recipient)).scalar_one() == 0
    assert queues.redis().dbsize() == 0

    factories.make_delivery(factories.make_campaign())
    queues.redis().set("left", run)

    assert db.session.execute(select(func.count()).select_from(Recipient)).scalar_one() == 1


def test_a_request_has_a_session_of_its_own(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/session", view_func=lambda: str(id(db.session())))

    own = db.session()  # held, or its place in memory could be the request's

    answer = client.get("/session").text

    assert answer != str(id(own))


def test_the_sink_keeps_mail_and_refuses_on_demand(app: Flask, sink: Sink) -> None:
    sink.refuse("550 5.1.1 no such user", address="gone@example.org")
    sink.refuse("451 4.3.0 later", phase="DOT", times=1)

    with pytest.raises(SendError, match="451"):
        hand_over(letter())
    with pytest.raises(SendError, match=r"550 5\.1\.1"):
        hand_over(letter("gone@example.org"))
    hand_over(letter())

    assert [mail.to for mail in sink.mails] == [["one@example.org"]]
    assert sink.mails[0].link("/confirm/") == "https://localhost/confirm/x"


@pytest.mark.parametrize("phase", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_the_sink_cuts_the_connection(app: Flask, sink: Sink, phase: str) -> None:
    sink.drop(phase)

    with pytest.raises(RelayAway):
        hand_over(letter())

    assert sink.mails == []


def test_the_sink_can_take_a_mail_and_die(app: Flask, sink: Sink) -> None:
    sink.drop("DOT", keep=True)

    with pytest.raises(InDoubt):
        hand_over(letter())

    assert len(sink.mails) == 1


def test_the_sink_hangs_until_told_to_behave(sink: Sink) -> None:
    sink.hang("MAIL")

    with smtplib.SMTP(sink.host, sink.port, timeout=0.3) as host:
        host.ehlo()
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            host.mail("a@example.org")
        sink.behave()


def test_a_relay_that_is_away_refuses_connections(app: Flask, sink: Sink) -> None:
    sink.stop()

    with pytest.raises(RelayAway):
        hand_over(letter())

    sink.start()
    hand_over(letter())
    assert len(sink.mails) == 1


@pytest.mark.browser
def test_a_page_that_asks_a_third_party_is_noticed(page: Page, foreign_requests: list[str]) -> None:
    page.set_content('<img src="http://third-party.example/pixel.gif">')
    page.wait_for_function("document.images[0].complete")

    assert foreign_requests == ["http://third-party.example/pixel.gif"]
    foreign_requests.clear()
