"""The outbox: what it keeps, what it lets go, and that one bad row holds up nobody."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.mail import outbox
from newsletter.mail.message import Email
from newsletter.mail.models import OutboxMail
from newsletter.mail.outbox import GIVE_UP_AFTER
from tests.outages import counting_queries
from tests.signups import count
from tests.sink import Sink

pytestmark = pytest.mark.usefixtures("app")
TO = "kim.beispiel@example.org"


@queues.job
def send_hello(row_id: int) -> None:
    outbox.work(row_id, hello)


def hello(to: Any, **values: str) -> Email:
    given = {"subject": "Hallo", "from_name": "Stadtwerke"} | values
    return Email(
        to=to,
        text="Text\n",
        html="<p>Text</p>\n",
        from_address="news@example.org",
        message_id="<1@example.org>",
        **given,
    )


def post(**values: Any) -> int:
    row_id = outbox.post(send_hello, TO)
    row = db.session.get_one(OutboxMail, row_id)
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()
    return row_id


def waits() -> tuple[int, float]:
    """Return how often the one waiting row was tried, and for how many seconds it waits now."""
    db.session.rollback()
    row = db.session.query(OutboxMail).one()
    return row.attempts, (row.not_before - utcnow()).total_seconds()


@pytest.mark.parametrize(
    ("phase", "reply"),
    [
        ("CONNECT", "554 5.7.1 go away"),
        ("MAIL", "550 5.1.8 no such sender"),
        ("MAIL", "530 authenticate first"),
        ("RCPT", "554 5.7.1 Relay access denied"),
        ("RCPT", "554 Relay access denied"),
        ("RCPT", "554 5.4.4 no route to that host"),
        ("RCPT", "550 5.1.8 Sender address rejected: no such domain"),
        ("RCPT", "530 authenticate first"),
        ("RCPT", "552 too many recipients"),
        ("DATA", "554 not now"),
        ("DOT", "550 5.7.1 looks like spam"),
        ("DOT", "550 looks like spam"),
        ("DOT", "554 looks like spam"),
    ],
)
def test_what_is_not_the_recipients_fault_is_tried_again(sink: Sink, phase: str, reply: str) -> None:
    sink.refuse(reply, phase=phase)
    row_id = post()

    outbox.work(row_id, hello)
    attempts, seconds = waits()

    assert attempts == 1
    assert 15 < seconds <= 20

    sink.behave()
    db.session.query(OutboxMail).update({"not_before": utcnow() - timedelta(seconds=1)})
    db.session.commit()
    outbox.work(row_id, hello)

    assert len(sink.to(TO)) == 1
    assert count(OutboxMail) == 0


@pytest.mark.parametrize(
    ("phase", "reply"),
    [
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "554 5.1.2 no such domain"),
        ("RCPT", "550 5.4.1 no such user, in the words of some"),
        ("RCPT", "550 no such user"),
        ("RCPT", "551 not a user of ours"),
        ("RCPT", "553 no such name"),
        ("RCPT", "556 this domain takes no mail"),
        ("DOT", "554 5.2.1 mailbox closed"),
    ],
)
def test_an_address_that_is_not_there_is_not_asked_for_again(sink: Sink, phase: str, reply: str) -> None:
    sink.refuse(reply, phase=phase)

    outbox.work(post(), hello)

    assert count(OutboxMail) == 0


def bad_header(to: Any) -> Email:
    return hello(to, subject=f"two\n{to}")


def bad_lookup(to: Any) -> Email:
    return hello({}[to])


def bad_query(_to: Any) -> Email:
    db.session.execute(db.text("SELECT 1/0"))
    raise AssertionError


@pytest.mark.parametrize("build", [bad_header, bad_lookup, bad_query])
def test_a_mail_that_can_not_be_built_waits_longer_and_longer(
    sink: Sink, build: Callable[[Any], Email], caplog: pytest.LogCaptureFixture
) -> None:
    row_id = post(attempts=2)

    with caplog.at_level(logging.DEBUG, "newsletter"):
        outbox.work(row_id, build)
    attempts, seconds = waits()

    assert attempts == 3
    assert 590 < seconds <= 600
    assert TO not in "".join(record.getMessage() for record in caplog.records)
    assert sink.mails == []


def test_the_mail_is_built_when_the_relay_is_ready_for_it(sink: Sink) -> None:
    seen = []

    def build(to: Any) -> Email:
        seen.append(sink.connections)
        return hello(to)

    outbox.work(post(), build)

    assert seen == [1]
    assert len(sink.mails) == 1


def test_the_sweep_rings_for_what_is_due(sink: Sink, run_jobs: Callable[[], int]) -> None:
    post(created_at=utcnow() - timedelta(minutes=1))
    post(created_at=utcnow() - timedelta(minutes=1), not_before=utcnow() + timedelta(minutes=1))

    outbox.sweep()

    assert run_jobs() == 1
    assert len(sink.mails) == 1


def test_the_sweep_does_not_ring_while_bells_wait_to_be_heard() -> None:
    for _ in range(3):
        post(created_at=utcnow() - timedelta(minutes=1))

    for _ in range(5):
        outbox.sweep()

    assert queues.waiting(queues.MAIL) == 3


def test_the_sweep_asks_a_redis_that_is_away_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        post(created_at=utcnow() - timedelta(minutes=1))
    asked = []
    monkeypatch.setattr(queues, "ring", lambda *given: asked.append(given))

    outbox.sweep()

    assert len(asked) == 1


def test_the_sweep_does_not_wait_for_a_row_that_is_being_mailed(database_url: str) -> None:
    old = utcnow() - GIVE_UP_AFTER - timedelta(minutes=1)
    in_hand, _other = post(created_at=old), post(created_at=old)
    db.session.execute(db.text("SET lock_timeout = '500ms'"))

    with psycopg.connect(database_url) as worker:
        worker.execute("SELECT 1 FROM outbox_mail WHERE id = %s FOR UPDATE", (in_hand,))
        outbox.sweep()

    assert [row.id for row in db.session.query(OutboxMail)] == [in_hand]


def test_who_has_it_in_hand_is_left_alone(app: Flask, database_url: str, sink: Sink) -> None:
    row_id = post()

    with psycopg.connect(database_url) as worker, counting_queries() as statements:
        worker.execute("SELECT 1 FROM outbox_mail WHERE id = %s FOR UPDATE", (row_id,))
        outbox.work(row_id, hello)

    assert len(statements) == 1
    assert sink.connections == 0
