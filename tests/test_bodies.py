"""Bodies of forms: whole and in UTF-8, or refused; but who needs nothing than a token is served whatever they send."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from newsletter.recipients import links
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient
from tests.signups import confirm_path, count, make_sign_up

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
NOT_UTF8 = [
    (b"email=kim@example.org&last_name=M%fcller", FORM),
    (b"email=kim@example.org&last_name=M\xfcller", FORM),
    (b"email=kim@example.org&last_name=M%C3", FORM),
    (b"email=kim@example.org&%ff=", FORM),
    (
        (
            b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nkim@example.org\r\n'
            b'--x\r\nContent-Disposition: form-data; name="last_name"\r\n\r\nM\xfcller\r\n--x--\r\n'
        ),
        MULTIPART,
    ),
]


def cut_off(body: bytes, content_type: str = FORM) -> dict[str, Any]:
    """Return what makes a request whose connection ended before its body did, as the server hands it on."""
    return {
        "input_stream": io.BytesIO(body),
        "content_type": content_type,
        "environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(body) + 10)},
    }


def chunked(body: bytes) -> dict[str, Any]:
    """Return what makes a request whose length nobody has said beforehand."""
    return {
        "input_stream": io.BytesIO(body),
        "content_type": FORM,
        "environ_overrides": {"wsgi.input_terminated": True},
    }


def test_half_an_address_gets_no_mail(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    answers = [
        client.post(f"/n/{newsletter.slug}", **cut_off(b"email=kim@example.co")),
        client.post(
            f"/api/v1/newsletters/{newsletter.slug}/signups",
            **cut_off(b'{"email": "kim@example.co"}', "application/json"),
        ),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert count(OutboxMail) == 0


def test_half_a_name_is_not_stored(client: FlaskClient) -> None:
    recipient = make_recipient(person=Person(last_name="Müller"))

    answer = client.post(
        f"/me/{links.preferences_token(recipient.link_key)}",
        **cut_off(b"salutation=&title=&first_name=&last_name=M"),
    )

    assert answer.status_code == 400
    db.session.refresh(recipient)
    assert Person.unsealed(recipient.name_sealed) == Person(last_name="Müller")


def test_a_form_of_undeclared_length_is_taken(client: FlaskClient) -> None:
    answer = client.post(f"/n/{make_newsletter().slug}", **chunked(b"email=kim@example.org"))

    assert answer.status_code == 200
    assert count(OutboxMail) == 1


@pytest.mark.parametrize(("body", "content_type"), NOT_UTF8)
def test_a_form_that_is_not_utf_8_is_refused(client: FlaskClient, body: bytes, content_type: str) -> None:
    answer = client.post(f"/n/{make_newsletter().slug}", data=body, content_type=content_type)

    assert answer.status_code == 400
    assert count(OutboxMail) == 0


def test_what_stands_for_a_broken_letter_may_be_meant(client: FlaskClient) -> None:
    answer = client.post(f"/n/{make_newsletter().slug}", data={"email": "kim@example.org", "last_name": "�"})

    assert answer.status_code == 200


@pytest.mark.parametrize(("body", "content_type"), NOT_UTF8)
def test_leaving_and_confirming_take_any_body_even_half_of_one(
    client: FlaskClient, body: bytes, content_type: str
) -> None:
    newsletter, leaving = make_newsletter(), make_recipient()
    confirm = confirm_path(make_sign_up(newsletter, "kim@example.org"))
    leave = f"/u/{links.unsubscribe_token(leaving.link_key)}"

    answers = [
        client.post(confirm, data=body, content_type=content_type),
        client.post(confirm, **cut_off(body, content_type)),
        client.post(leave, **cut_off(body, content_type)),
        client.post(leave, data=body, content_type=content_type),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert db.session.query(Recipient.newsletter_id).all() == [(newsletter.id,)]


def test_too_much_is_413_for_staff_too_however_it_is_framed(client: FlaskClient) -> None:
    body = b"email=" + b"a" * 70_000

    declared = client.post("/staff/login", data=body, content_type=FORM)
    undeclared = client.post("/staff/login", **chunked(body))

    assert (declared.status_code, undeclared.status_code) == (413, 413)
