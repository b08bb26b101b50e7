"""`/me`: the link to one's data for those who lost it, and the same answer for everyone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from newsletter.optin import restraint
from newsletter.optin.models import ConfirmationMail
from newsletter.recipients import access, preferences, service
from newsletter.recipients.models import Newsletter
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient
from tests.outages import counting_queries
from tests.signups import count, path, sign_up
from tests.sink import Sink

EMAIL = "kim.beispiel@example.org"
Run = Callable[[], int]


def test_whoever_lost_it_gets_one_for_each_newsletter(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    recipient = make_recipient(make_newsletter(title="Energietipps"), EMAIL, person=Person(first_name="Kimberley"))
    make_recipient(make_newsletter(title="Verkehr"), EMAIL)

    client.post("/me", data={"email": f" {EMAIL.upper()}"})
    run_jobs()

    (mail,) = sink.to(EMAIL)
    assert all(title in mail.text and title in mail.html for title in ("Energietipps", "Verkehr"))
    assert mail.text.count("/me/") == 2
    link = path(mail.link("/me/"))
    assert "Kimberley" in client.get(link).text
    assert access.by_mailed(link.removeprefix("/me/")) == recipient.link_key


def test_the_answer_and_its_work_are_the_same_for_everyone(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    subscribed, pending, blocked, unknown = (
        f"{word}@example.org" for word in ("subscribed", "pending", "blocked", "x")
    )
    for email in (subscribed, blocked):
        make_recipient(newsletter, email)
    sign_up(client, newsletter, pending)
    run_jobs()
    sink.clear()
    restraint.refuse(restraint.not_me_token(blocked))
    answers, asked = set(), []

    for email in (subscribed, pending, blocked, unknown):
        with counting_queries() as statements:
            answer = client.post("/me", data={"email": email})
        asked.append(statements)
        answers.add((answer.status, answer.text, tuple(answer.headers.items())))
    run_jobs()

    assert len(answers) == 1
    assert all(statements == asked[0] for statements in asked)
    assert [mail.to for mail in sink.mails] == [[subscribed]]
    assert (sink.connections, count(OutboxMail)) == (1, 0)


def test_it_is_mailed_once_a_day_and_is_not_used_up_by_the_sign_up_form(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, EMAIL)
    mails = []

    for _day in range(5):
        for _time in range(3):
            sign_up(client, newsletter, EMAIL)
            client.post("/me", data={"email": EMAIL})
        run_jobs()
        mails.append(sum("/not-me/" in mail.text for mail in sink.mails))
        db.session.execute(update(ConfirmationMail).values(mailed_at=ConfirmationMail.mailed_at - timedelta(days=1)))
        db.session.commit()

    assert mails == [1, 2, 3, 4, 5]
    assert len(sink.mails) == 5 + restraint.MOST_PER_MONTH


def test_that_was_not_me_ends_these_mails(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    make_recipient(email=EMAIL)
    client.post("/me", data={"email": EMAIL})
    run_jobs()
    client.post(path(sink.mails[0].link("/not-me/")))

    client.post("/me", data={"email": EMAIL})
    run_jobs()

    assert len(sink.mails) == 1


def test_nobody_gets_it_who_has_left_meanwhile(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    recipient = make_recipient(email=EMAIL)
    client.post("/me", data={"email": EMAIL})
    service.erase(recipient.link_key)

    run_jobs()

    assert sink.mails == []


@pytest.mark.parametrize("email", ["", "nonsense", "two@example.org, three@example.org"])
def test_a_wrong_address_is_said_at_the_field(client: FlaskClient, email: str) -> None:
    answer = client.post("/me", data={"email": email})

    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text
    assert count(OutboxMail) == 0


def test_what_fills_in_every_field_gets_the_same_answer_and_nothing_happens(client: FlaskClient) -> None:
    trapped = client.post("/me", data={"email": EMAIL, "website": "https://example.com"})

    assert trapped.text == client.post("/me", data={"email": EMAIL}).text
    assert count(OutboxMail) == 1


def test_forms_statement_and_dead_links_lead_there(client: FlaskClient) -> None:
    recipient = make_recipient()
    newsletter = db.session.get_one(Newsletter, recipient.newsletter_id)
    preferences.restrict(recipient.link_key, wished=True)

    for page in (f"/n/{newsletter.slug}", "/privacy", "/me/x"):
        assert 'href="/me"' in client.get(page).text, page
