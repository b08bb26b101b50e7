"""The confirmation mail and the others of the way in: what they hold, and what not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db, utcnow
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.recipients import service
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_recipient
from tests.signups import count, path, sign_up
from tests.sink import Mail, Sink

EMAIL = "kim.beispiel@example.org"
Run = Callable[[], int]


def one_mail(run_jobs: Run, sink: Sink) -> Mail:
    run_jobs()
    (mail,) = sink.mails
    return mail


def test_it_comes_from_the_newsletters_sender(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter(
        from_name="Stadtwerke Müsterstädt, Team", from_address="post@werke.example", reply_to="fragen@werke.example"
    )

    sign_up(client, newsletter, EMAIL)
    mail = one_mail(run_jobs, sink)

    assert mail.message["From"].addresses[0].display_name == "Stadtwerke Müsterstädt, Team"
    assert mail.message["From"].addresses[0].addr_spec == "post@werke.example"
    assert mail.message["Reply-To"].addresses[0].addr_spec == "fragen@werke.example"
    assert mail.message["To"].addresses[0].addr_spec == EMAIL
    assert mail.message["Message-ID"].endswith("@werke.example>")
    assert mail.envelope_from == "post@werke.example"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    for name in ("From", "To", "Date", "Message-ID", "Subject", "Auto-Submitted"):
        assert len(mail.message.get_all(name)) == 1, name


def test_it_is_no_newsletter(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()

    sign_up(client, newsletter, EMAIL)
    mail = one_mail(run_jobs, sink)

    assert not [name for name in mail.message if name.lower().startswith("list-")]
    assert "<img" not in mail.html
    assert "/o/" not in mail.html
    assert "/c/" not in mail.html
    # The link to confirm, and the one for whoever did not ask.
    assert mail.text.count("http") == 2
    assert mail.html.count("http") == 2


def test_nothing_that_the_form_held_is_said_again(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()

    sign_up(client, newsletter, EMAIL, salutation="ms", title="Prof.", first_name="Gewinnspiel", last_name="Gratisgeld")
    mail = one_mail(run_jobs, sink)

    for word in ("Prof.", "Gewinnspiel", "Gratisgeld", EMAIL):
        assert word not in mail.text + mail.html + mail.subject


def test_text_and_html_hold_the_same_link(client: FlaskClient, run_jobs: Run, sink: Sink, app: Flask) -> None:
    newsletter = make_newsletter()

    sign_up(client, newsletter, EMAIL)
    mail = one_mail(run_jobs, sink)
    link = mail.link("/confirm/")

    assert link.startswith(app.config["PUBLIC_URL"])
    assert f'href="{link}"' in mail.html
    assert mail.raw.isascii()
    assert max(len(line) for line in mail.raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize(("accepts", "subject"), [("en", "Please confirm: "), ("en-US,de;q=0.2", "Please confirm: ")])
def test_it_speaks_the_language_of_the_sign_up(
    client: FlaskClient, run_jobs: Run, sink: Sink, accepts: str, subject: str
) -> None:
    newsletter = make_newsletter(language="de")

    client.post(f"/n/{newsletter.slug}", data={"email": EMAIL}, headers={"Accept-Language": accepts})
    mail = one_mail(run_jobs, sink)

    assert mail.subject == f"{subject}{newsletter.title}"
    assert '<html lang="en">' in mail.html


def test_once_mailed_nothing_waits(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()

    sign_up(client, newsletter, EMAIL)
    one_mail(run_jobs, sink)

    assert count(OutboxMail) == 0


def test_a_newsletter_deleted_meanwhile_mails_nobody(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, EMAIL)
    db.session.delete(db.session.merge(newsletter))
    db.session.commit()

    run_jobs()

    assert sink.mails == []
    assert count(OutboxMail) == 0


def test_a_subscriber_is_told_so_at_most_once_a_day(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    make_recipient(newsletter, EMAIL)
    make_recipient(other, EMAIL)

    for email in (EMAIL, EMAIL, EMAIL.upper()):
        sign_up(client, newsletter, email)
        run_jobs()
    (mail,) = sink.mails
    sign_up(client, other, EMAIL)
    run_jobs()

    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert client.get(path(mail.link("/me/"))).status_code == 200
    assert len(sink.mails) == 2


def test_the_word_to_a_subscriber_is_not_lost_with_the_relay(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, EMAIL)
    sink.refuse("451 4.3.0 later", phase="MAIL", times=1)
    sign_up(client, newsletter, EMAIL)
    run_jobs()
    row = db.session.query(OutboxMail).one()
    row.not_before = row.created_at = utcnow() - timedelta(minutes=1)
    db.session.commit()

    from_now = sign_up(client, newsletter, EMAIL)
    run_jobs()
    outbox.sweep()
    run_jobs()

    assert from_now.status_code == 200
    assert len(sink.mails) == 1
    assert count(OutboxMail) == 0


def test_the_welcome_has_the_links_to_change_and_to_leave(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, EMAIL)
    link = one_mail(run_jobs, sink).link("/confirm/")

    client.post(path(link))
    run_jobs()
    welcome = sink.to(EMAIL)[1]

    assert welcome.message["Auto-Submitted"] == "auto-generated"
    assert client.get(path(welcome.link("/me/"))).status_code == 200
    assert client.get(path(welcome.link("/u/"))).status_code == 200
    assert welcome.message["List-Unsubscribe"] == f"<{welcome.link('/u/')}>"
    assert welcome.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_who_left_before_the_welcome_went_out_gets_none(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, EMAIL)
    client.post(path(one_mail(run_jobs, sink).link("/confirm/")))
    service.erase(db.session.query(Recipient).one().link_key)

    run_jobs()

    assert len(sink.mails) == 1


def test_who_left_while_a_second_sign_up_waited_is_not_asked_again(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter, EMAIL)
    sign_up(client, newsletter, EMAIL)
    service.erase(recipient.link_key)

    run_jobs()

    assert sink.mails == []
    assert count(OutboxMail) == 0


def test_who_signs_up_after_leaving_is_asked(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    newsletter = make_newsletter()
    service.erase(make_recipient(newsletter, EMAIL).link_key)

    sign_up(client, newsletter, EMAIL)

    assert "/confirm/" in one_mail(run_jobs, sink).text


def test_the_link_lives_from_the_mail_on(client: FlaskClient, run_jobs: Run, sink: Sink, app: Flask) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, EMAIL)
    link = path(one_mail(run_jobs, sink).link("/confirm/"))
    hours = app.config["CONFIRMATION_HOURS"]

    with time_machine.travel(utcnow() + timedelta(hours=hours, minutes=-1), tick=False):
        assert client.get(link).status_code == 200
    with time_machine.travel(utcnow() + timedelta(hours=hours, minutes=1), tick=False):
        assert client.get(link).status_code == 410
        assert client.post(link).status_code == 410
