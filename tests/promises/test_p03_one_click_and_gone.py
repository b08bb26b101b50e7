"""P3: when the answer to the one-click unsubscribe arrives, the address has been deleted, in the same transaction,
everywhere; no mail to it starts after that moment."""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.optin import jobs as optin
from newsletter.privacy.models import Receipt
from newsletter.recipients import erasing, links
from newsletter.recipients import jobs as recipients
from newsletter.recipients.models import Departure, Recipient
from newsletter.recipients.person import Person
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient
from tests.signups import count, path, sign_up
from tests.sink import Sink

ADDRESS = "canary.bird@cage-of-canaries.example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORMS: list[dict[str, Any]] = [{"data": ONE_CLICK}, {"data": ONE_CLICK, "content_type": "multipart/form-data"}]


def who_is_left(database_url: str) -> list[tuple[Any, ...]]:
    """Return what other sessions see of recipients: nothing here is told by the session that erased."""
    with psycopg.connect(database_url) as connection:
        query = "SELECT address_sealed, address_digest, name_sealed FROM recipient WHERE address_sealed IS NOT NULL"
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("form", FORMS, ids=["form", "multipart"])
def test_when_the_answer_is_there_the_row_is_not(client: FlaskClient, database_url: str, form: dict[str, Any]) -> None:
    recipient = make_recipient(email=ADDRESS, person=Person("ms", "Dr.", "Kim", "Beispiel"))
    link = f"/u/{links.unsubscribe_token(recipient.link_key)}"

    answer = client.post(link, **form)

    assert who_is_left(database_url) == []
    assert answer.status_code == 200
    assert not {"Location", "Set-Cookie", "Refresh"} & set(answer.headers.keys())
    assert client.post(link, **form).data == answer.data


def test_what_remains_names_nobody(client: FlaskClient) -> None:
    delivery = make_delivery(make_campaign())
    recipient = db.session.get_one(Recipient, delivery.recipient_id)

    client.post(f"/u/{links.unsubscribe_token(recipient.link_key, delivery.campaign_id)}", data=ONE_CLICK)

    db.session.refresh(delivery)
    assert delivery.recipient_id is None
    assert count(Recipient) == 0
    assert db.session.query(Receipt).one().closed_at is not None
    assert db.session.query(Departure).one().number == 1


def test_all_links_of_the_mail_die_with_the_row(client: FlaskClient, run_jobs: Callable[[], int], sink: Sink) -> None:
    sign_up(client, make_newsletter(), ADDRESS)
    run_jobs()
    confirm = path(sink.mails[0].link("/confirm/"))
    client.post(confirm)
    run_jobs()
    me, leave = (path(sink.mails[1].link(kind)) for kind in ("/me/", "/u/"))

    client.post(leave, data=ONE_CLICK)

    assert client.get(me).status_code == 404
    assert client.post(me, data={"first_name": "Kim"}).status_code == 404
    assert client.get(leave).status_code == 404
    assert client.post(confirm).status_code == 410
    assert (count(Recipient), count(OutboxMail)) == (0, 0)


def test_the_answer_waits_for_a_mail_in_hand(client: FlaskClient, database_url: str) -> None:
    recipient = make_recipient(email=ADDRESS)
    link = f"/u/{links.unsubscribe_token(recipient.link_key)}"
    moments: dict[str, float] = {}

    with psycopg.connect(database_url) as sender:
        sender.execute("SELECT 1 FROM recipient WHERE id = %s FOR KEY SHARE", (recipient.id,))

        def hand_over() -> None:
            time.sleep(0.7)
            moments["handed over"] = time.monotonic()
            sender.rollback()

        worker = threading.Thread(target=hand_over)
        worker.start()
        answer = client.post(link, data=ONE_CLICK)
        moments["answered"] = time.monotonic()
        worker.join()

    assert answer.status_code == 200
    assert moments["answered"] > moments["handed over"]
    assert who_is_left(database_url) == []


def test_but_not_longer_than_a_mail_provider_would(
    client: FlaskClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert erasing.SENDERS_WAIT == "8s"
    monkeypatch.setattr(erasing, "SENDERS_WAIT", "300ms")
    recipient = make_recipient(email=ADDRESS)
    link = f"/u/{links.unsubscribe_token(recipient.link_key)}"

    with psycopg.connect(database_url) as sender:
        sender.execute("SELECT 1 FROM recipient WHERE id = %s FOR KEY SHARE", (recipient.id,))
        answer = client.post(link, data=ONE_CLICK)

        assert answer.status_code == 200
        assert who_is_left(database_url) == []

    erasing.sweep_tombstones()
    assert count(Recipient) == 0


def test_no_sender_finds_the_row_while_the_answer_waits(app: Flask, database_url: str) -> None:
    recipient = make_recipient(email=ADDRESS)
    row_id, link = recipient.id, f"/u/{links.unsubscribe_token(recipient.link_key)}"
    here = "SELECT 1 FROM recipient WHERE id = %s AND address_sealed IS NOT NULL FOR KEY SHARE"
    answers: list[int] = []

    def click() -> None:
        answers.append(FlaskClient(app, app.response_class).post(link, data=ONE_CLICK).status_code)

    with psycopg.connect(database_url) as sender, psycopg.connect(database_url, autocommit=True) as next_sender:
        sender.execute(here, (row_id,))
        clicks = [threading.Thread(target=click) for _ in range(2)]
        for thread in clicks:
            thread.start()
        eventually(lambda: next_sender.execute(here, (row_id,)).fetchone() is None)
        assert answers == []
        sender.rollback()
        for thread in clicks:
            thread.join()

    assert answers == [200, 200]
    assert count(Recipient) == 0


@pytest.mark.parametrize("kind", ["welcome", "fresh link", "already subscribed"])
def test_a_mail_to_one_person_that_has_not_begun_never_does(
    app: Flask, client: FlaskClient, sink: Sink, kind: str
) -> None:
    link_key, job, row_id = waiting_mail(client, kind)
    sink.hold("EHLO")
    worker = in_a_worker(app, job, row_id)
    eventually(lambda: sink.holding)

    answer = client.post(f"/u/{links.unsubscribe_token(link_key)}", data=ONE_CLICK)
    sink.behave()
    worker.join()

    assert answer.status_code == 200
    assert sink.mails == []
    assert count(OutboxMail) == 0


@pytest.mark.parametrize("kind", ["welcome", "fresh link", "already subscribed"])
def test_a_mail_to_one_person_that_has_begun_is_waited_for(
    app: Flask, client: FlaskClient, sink: Sink, kind: str
) -> None:
    link_key, job, row_id = waiting_mail(client, kind)
    sink.hold("MAIL")
    worker = in_a_worker(app, job, row_id)
    eventually(lambda: sink.holding)

    threading.Timer(0.7, sink.behave).start()
    answer = client.post(f"/u/{links.unsubscribe_token(link_key)}", data=ONE_CLICK)
    mails = len(sink.mails)
    worker.join()

    assert answer.status_code == 200
    assert mails == 1
    assert count(Recipient) == 0


def waiting_mail(client: FlaskClient, kind: str) -> tuple[bytes, queues.JobFunction, int]:
    """Return the key of a recipient to whom a mail waits, and the job and the row that send it."""
    newsletter = make_newsletter()
    link_key = make_recipient(newsletter, ADDRESS).link_key
    payload = {"link_key": link_key.hex(), "language": "de"}
    if kind == "welcome":
        job, row_id = optin.send_welcome, outbox.post(optin.send_welcome, payload)
    elif kind == "fresh link":
        job, row_id = recipients.send_preferences_link, outbox.post(recipients.send_preferences_link, payload)
    else:
        sign_up(client, newsletter, ADDRESS)
        job, row_id = optin.send_confirmation, db.session.query(OutboxMail).one().id
    db.session.commit()
    return link_key, job, row_id


def in_a_worker(app: Flask, job: queues.JobFunction, row_id: int) -> threading.Thread:
    def work() -> None:
        with app.app_context():
            job(row_id)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def eventually(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not true():
        assert time.monotonic() < give_up, "it did not come to be"
        time.sleep(0.01)


def test_fifty_clicks_at_once_are_one_departure(app: Flask) -> None:
    recipient = make_recipient(email=ADDRESS)
    link = f"/u/{links.unsubscribe_token(recipient.link_key)}"
    statuses: list[int] = []

    def click() -> None:
        for _ in range(10):
            statuses.append(FlaskClient(app, app.response_class).post(link, data=ONE_CLICK).status_code)

    threads = [threading.Thread(target=click) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 50
    assert db.session.query(Departure).one().number == 1
