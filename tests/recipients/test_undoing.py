"""The page after leaving undoes it, for 15 minutes, by what it alone holds."""

import re
from datetime import timedelta

import time_machine
from flask.testing import FlaskClient

from newsletter.core.db import db, utcnow
from newsletter.mail import address
from newsletter.privacy.models import Receipt
from newsletter.recipients import forgetting, links, service
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient
from tests.signups import count

EMAIL = "kim.beispiel@example.org"


def leave(client: FlaskClient, recipient: Recipient) -> str:
    """Leave by the page; return the word that undoes it."""
    page = client.post(f"/u/{links.unsubscribe_token(recipient.link_key)}", data={"from": "page"}).text
    (word,) = re.findall(r'name="undo" value="([^"]+)"', page)
    return str(word)


def test_who_left_by_mistake_is_back_with_all_that_was_stored(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, EMAIL, person=Person("ms", "Dr.", "Kim", "Müller"), measured=False)
    word = leave(client, db.session.query(Recipient).one())
    assert count(Recipient) == 0

    answer = client.post("/u/undo", data={"undo": word})

    back = db.session.query(Recipient).one()
    assert answer.status_code == 200
    assert address.unseal(back.address_sealed or b"") == EMAIL
    assert (Person.unsealed(back.name_sealed), back.measured) == (Person("ms", "Dr.", "Kim", "Müller"), False)


def test_the_closed_receipt_stays_closed_and_a_new_one_names_the_same_wording(client: FlaskClient) -> None:
    word = leave(client, make_recipient(email=EMAIL))

    client.post("/u/undo", data={"undo": word})

    closed, opened = db.session.query(Receipt).order_by(Receipt.id)
    assert (closed.closed_at is None, opened.closed_at, opened.method) == (False, None, "undo")
    assert closed.consent_wording == opened.consent_wording


def test_it_works_once_and_not_after_leaving_again(client: FlaskClient) -> None:
    word = leave(client, make_recipient(email=EMAIL))

    answers = [client.post("/u/undo", data={"undo": word}).status_code for _ in range(3)]
    assert (answers, count(Recipient)) == ([200, 200, 200], 1)

    service.erase(db.session.query(Recipient).one().link_key)
    assert client.post("/u/undo", data={"undo": word}).status_code == 410
    assert count(Recipient) == 0


def test_it_ends_after_a_quarter_of_an_hour_and_can_not_be_made_up(client: FlaskClient) -> None:
    recipient = make_recipient(email=EMAIL)
    foreign = ["", "x", links.unsubscribe_token(recipient.link_key)]
    word = leave(client, recipient)

    answers = [client.post("/u/undo", data={"undo": each}).status_code for each in [*foreign, word[:-1]]]
    with time_machine.travel(utcnow() + timedelta(minutes=15, seconds=5), tick=False):
        answers.append(client.post("/u/undo", data={"undo": word}).status_code)

    assert answers == [410] * 5
    assert count(Recipient) == 0


def test_whoever_is_to_be_forgotten_is_not_brought_back(client: FlaskClient) -> None:
    word = leave(client, make_recipient(email=EMAIL))
    forgetting.forget(EMAIL.upper())

    assert client.post("/u/undo", data={"undo": word}).status_code == 410
    assert count(Recipient) == 0


def test_a_mail_program_gets_nothing_to_undo_it_by(client: FlaskClient) -> None:
    recipient = make_recipient(email=EMAIL)

    page = client.post(f"/u/{links.unsubscribe_token(recipient.link_key)}", data={"List-Unsubscribe": "One-Click"}).text

    assert 'name="undo"' not in page
