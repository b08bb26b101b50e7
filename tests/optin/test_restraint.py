"""How often one address is mailed because of the form, and what "That was not me" does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.optin import restraint
from newsletter.optin.models import ConfirmationMail, Unwanted
from newsletter.recipients import service
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_recipient
from tests.outages import counting_queries
from tests.signups import count, path, sign_up
from tests.sink import Sink

EMAIL = "kim.beispiel@example.org"
Run = Callable[[], int]


def pass_time(**span: float) -> None:
    """Let what was counted be older."""
    db.session.execute(update(ConfirmationMail).values(mailed_at=ConfirmationMail.mailed_at - timedelta(**span)))
    db.session.execute(update(Unwanted).values(until=Unwanted.until - timedelta(**span)))
    db.session.commit()


def test_many_sign_ups_of_one_address_from_many_networks_lead_to_one_mail(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    spellings = (EMAIL, EMAIL.upper(), f" {EMAIL}")

    for number in range(300):
        network = {"REMOTE_ADDR": f"203.{number % 250}.113.{number // 250}"}
        email = spellings[number % 3]
        if number % 2:
            call = f"/api/v1/newsletters/{newsletter.slug}/signups"
            answer = client.post(call, json={"email": email}, environ_overrides=network)
        else:
            answer = client.post(f"/n/{newsletter.slug}", data={"email": email}, environ_overrides=network)
        assert answer.status_code in (200, 202)
    run_jobs()

    assert len(sink.mails) == 1
    assert sink.connections == 1, "mail that goes nowhere opens no connection"
    assert count(OutboxMail) == 0


def test_a_day_later_it_is_one_more_and_three_a_month(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()

    mails = []
    for _day in range(33):
        sign_up(client, newsletter, EMAIL)
        sign_up(client, newsletter, EMAIL)
        run_jobs()
        mails.append(len(sink.mails))
        pass_time(days=1, seconds=1)

    assert mails[:4] == [1, 2, 3, 3]
    assert mails[29] == 3
    assert mails[30:] == [4, 5, 6]


def test_newsletters_have_a_day_each_and_share_the_month(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletters = [make_newsletter() for _ in range(5)]

    for newsletter in newsletters:
        sign_up(client, newsletter, EMAIL)
        run_jobs()

    assert len(sink.mails) == 3


def test_who_is_subscribed_is_told_so_as_seldom(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, EMAIL)

    for _day in range(5):
        sign_up(client, newsletter, EMAIL)
        sign_up(client, newsletter, EMAIL)
        run_jobs()
        pass_time(days=1, seconds=1)

    assert len(sink.mails) == 3


def test_who_confirms_and_leaves_may_sign_up_again_the_same_day(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()

    for number in range(1, 6):
        sign_up(client, newsletter, EMAIL)
        run_jobs()
        client.post(path(sink.mails[-1].link("/confirm/")))
        run_jobs()
        assert count(Recipient) == 1, number
        service.erase(db.session.query(Recipient).one().link_key)

    assert len(sink.mails) == 10


def test_of_two_workers_with_one_address_the_second_waits_for_the_first(app: Flask) -> None:
    newsletter_id = make_newsletter().id

    def take(wish: bytes) -> bool:
        taken = restraint.take(wish * 32, newsletter_id, EMAIL)
        db.session.commit()
        return taken

    def second() -> bool:
        with app.app_context():
            return take(b"2")

    with ThreadPoolExecutor(1) as pool:
        first = restraint.take(b"1" * 32, newsletter_id, EMAIL)
        other = pool.submit(second)
        with pytest.raises(TimeoutError):
            other.result(0.3)
        db.session.commit()

        assert (first, other.result(30)) == (True, False)


def test_a_relay_that_was_away_does_not_use_up_the_day(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    sink.refuse("451 4.3.0 later", phase="MAIL", times=1)
    sign_up(client, newsletter, EMAIL)
    run_jobs()
    back_from = timedelta(minutes=1)
    db.session.execute(
        update(OutboxMail).values(
            not_before=OutboxMail.created_at - back_from, created_at=OutboxMail.created_at - back_from
        )
    )
    db.session.commit()

    outbox.sweep()
    run_jobs()

    assert len(sink.mails) == 1
    assert count(OutboxMail) == 0


def test_the_request_asks_the_same_of_the_database_for_whom_nothing_is_mailed(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    for email in ("mailed@example.org", "blocked@example.org"):
        sign_up(client, newsletter, email)
    run_jobs()
    client.post(path(sink.to("blocked@example.org")[0].link("/not-me/")))

    form = f"/n/{newsletter.slug}"
    db.session.remove()  # or else not all requests have the same connection, which has met the wordings or has not
    for number in range(2):
        client.post(form, data={"email": f"{number}@example.org"})

    asked, answers = [], []
    for email in ("new@example.org", "mailed@example.org", "blocked@example.org"):
        with counting_queries() as statements:
            answers.append(client.post(form, data={"email": email}))
        asked.append(statements)

    assert asked[0] == asked[1] == asked[2]
    assert {(answer.status, answer.data, str(answer.headers)) for answer in answers} == {
        (answers[0].status, answers[0].data, str(answers[0].headers))
    }


def test_that_was_not_me_keeps_the_address_from_being_mailed_for_its_time(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    sign_up(client, newsletter, EMAIL)
    run_jobs()
    link = path(sink.mails[0].link("/not-me/"))

    answers = [client.post(link), client.post(link)]
    pass_time(days=2)
    for each in (newsletter, other):
        sign_up(client, each, EMAIL)
    sign_up(client, newsletter, "someone-else@example.org")
    run_jobs()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(sink.to(EMAIL)) == 1
    assert len(sink.to("someone-else@example.org")) == 1
    pass_time(days=restraint.UNWANTED_FOR.days)
    sign_up(client, newsletter, EMAIL)
    run_jobs()
    assert len(sink.to(EMAIL)) == 2


def test_that_was_not_me_is_a_digest_and_a_time_and_nothing_else(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    sign_up(client, make_newsletter(), EMAIL)
    run_jobs()

    client.post(path(sink.mails[0].link("/not-me/")))

    assert (count(Unwanted), count(ConfirmationMail), count(Recipient)) == (1, 0, 0)
    assert set(Unwanted.__table__.columns.keys()) == {"address_digest", "until"}
    assert len(db.session.query(Unwanted).one().address_digest) == restraint.DIGEST_OCTETS


def test_looking_at_that_was_not_me_changes_nothing(client: FlaskClient) -> None:
    link = f"/not-me/{restraint.not_me_token(EMAIL)}"

    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.open(link, method=method, headers={"Sec-Purpose": "prefetch"}).status_code == 200

    assert count(Unwanted) == 0


@pytest.mark.parametrize("token", ["x", "", "a" * 5000, "%00"])
def test_a_token_that_is_not_ours_refuses_nobody(client: FlaskClient, token: str) -> None:
    assert client.get(f"/not-me/{token}").status_code == 404
    assert client.post(f"/not-me/{token}").status_code == 404
    assert count(Unwanted) == 0


def test_a_yes_after_all_is_a_yes(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, EMAIL)
    run_jobs()
    client.post(path(sink.mails[0].link("/not-me/")))

    client.post(path(sink.mails[0].link("/confirm/")))

    assert (count(Recipient), count(Unwanted)) == (1, 0)


def test_what_has_outlived_its_time_is_deleted(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    for email in ("a@example.org", "b@example.org"):
        sign_up(client, newsletter, email)
    run_jobs()
    client.post(path(sink.to("b@example.org")[0].link("/not-me/")))

    gone = [restraint.forget_old()]
    before = (count(ConfirmationMail), count(Unwanted))
    pass_time(days=restraint.UNWANTED_FOR.days)
    gone.append(restraint.forget_old())

    assert before == (1, 1)
    assert gone == [0, 2]
    assert (count(ConfirmationMail), count(Unwanted)) == (0, 0)
