"""`/me/`: see, change, object, leave; and a link that has aged."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db, utcnow
from newsletter.recipients import links, seldom, service
from newsletter.recipients.models import Departure, Recipient
from newsletter.recipients.person import FIELDS, Person
from tests.factories import CONSENT, make_newsletter, make_recipient
from tests.signups import count, path
from tests.sink import Sink

EMAIL = "kim.beispiel@example.org"
BLANK = dict.fromkeys(FIELDS, "")


def me(recipient: Recipient, days_old: float = 0) -> str:
    return f"/me/{links.preferences_token(recipient.link_key, utcnow() - timedelta(days=days_old))}"


def stored(recipient: Recipient) -> Recipient:
    db.session.refresh(recipient)
    return recipient


def test_it_shows_all_that_is_stored(client: FlaskClient) -> None:
    newsletter = make_newsletter(title="Energietipps")
    recipient = make_recipient(newsletter, EMAIL, person=Person("ms", "Dr.", "Kim", "Müller"))

    page = client.get(me(recipient) + "?lang=en").text

    for words in (EMAIL, "Energietipps", 'value="Dr."', 'value="Kim"', 'value="Müller"', CONSENT):
        assert words in page
    assert '<option value="ms" selected>' in page


def test_the_name_can_be_changed_and_removed(client: FlaskClient) -> None:
    recipient = make_recipient(person=Person("mr", "", "", "Falsch"))

    answer = client.post(me(recipient), data={"salutation": "ms", "title": "", "first_name": "Kim", "last_name": "Neu"})
    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).status_code == 200
    assert Person.unsealed(stored(recipient).name_sealed) == Person("ms", "", "Kim", "Neu")

    client.post(me(recipient), data=BLANK)
    assert stored(recipient).name_sealed is None


NO_FORMS = [
    (b"", "application/x-www-form-urlencoded"),
    (b"salutation=&first_name=Kim&last_name=Neu", "application/x-www-form-urlencoded"),
    (b"{}", "application/json"),
    (b"salutation=&title=&first_name=&last_name=", "text/plain"),
    (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
    (b"nonsense", "multipart/form-data"),
]


@pytest.mark.parametrize(("body", "content_type"), NO_FORMS)
def test_a_form_without_all_its_fields_removes_nothing(client: FlaskClient, body: bytes, content_type: str) -> None:
    person = Person("ms", "Dr.", "Kim", "Müller")
    recipient = make_recipient(person=person, measured=True)

    answers = [
        client.post(me(recipient) + suffix, data=body, content_type=content_type) for suffix in ("", "/measurement")
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert all('value="Dr."' in answer.text and 'role="alert"' in answer.text for answer in answers)
    assert (Person.unsealed(stored(recipient).name_sealed), recipient.measured) == (person, True)


@pytest.mark.parametrize("measured", ["", "Yes", "on", "1", "maybe"])
def test_measuring_takes_yes_or_no_and_nothing_else(client: FlaskClient, measured: str) -> None:
    recipient = make_recipient(measured=True)

    answer = client.post(me(recipient) + "/measurement", data={"measured": measured})

    assert answer.status_code == 422
    assert stored(recipient).measured is True


def test_a_wrong_name_is_said_at_the_field_and_changes_nothing(client: FlaskClient) -> None:
    recipient = make_recipient(person=Person("ms", "", "Kim", "Müller"))

    answer = client.post(me(recipient), data=BLANK | {"last_name": "x" * 101, "first_name": "Kimberley"})

    assert answer.status_code == 422
    assert 'id="last_name-error"' in answer.text
    assert 'value="Kimberley"' in answer.text
    assert Person.unsealed(stored(recipient).name_sealed) == Person("ms", "", "Kim", "Müller")


def test_one_can_object_to_being_measured_and_agree_again(client: FlaskClient) -> None:
    recipient = make_recipient(measured=True)

    assert client.post(me(recipient) + "/measurement", data={"measured": "no"}).status_code == 303
    assert stored(recipient).measured is False
    assert client.post(me(recipient) + "/measurement", data={"measured": "yes"}).status_code == 303
    assert stored(recipient).measured is True


def test_where_nobody_is_measured_nobody_is_asked(client: FlaskClient) -> None:
    recipient = make_recipient(make_newsletter(measurement="off"))

    assert 'name="measured"' not in client.get(me(recipient)).text


def test_one_can_leave_from_there(client: FlaskClient) -> None:
    recipient = make_recipient(make_newsletter(), EMAIL)
    make_recipient(make_newsletter(title="Anderes"), EMAIL)
    link = me(recipient)

    answer = client.post(link + "/leave")

    assert answer.status_code == 200
    assert "Anderes" in answer.text
    assert count(Recipient) == 1
    assert db.session.query(Departure).one().way == "preferences"
    assert client.get(link).status_code == 404
    assert client.post(link, data={"first_name": "Kim"}).status_code == 404


def test_looking_changes_nothing(client: FlaskClient) -> None:
    recipient = make_recipient(person=Person(first_name="Kim"))

    for suffix in ("", "/measurement", "/leave", "/fresh"):
        client.get(me(recipient) + suffix)
        client.head(me(recipient) + suffix)
    client.get(me(recipient) + "?first_name=Eve&measured=no&saved=1")

    assert Person.unsealed(stored(recipient).name_sealed).first_name == "Kim"
    assert stored(recipient).measured is True


def test_an_aged_link_neither_shows_nor_changes_anything(client: FlaskClient) -> None:
    recipient = make_recipient(email=EMAIL, person=Person(first_name="Kimberley"))
    aged = me(recipient, days_old=31)

    answers = [
        client.get(aged),
        client.post(aged, data={"first_name": "Eve"}),
        client.post(aged + "/measurement", data={"measured": "no"}),
        client.post(aged + "/leave"),
    ]

    assert {answer.status_code for answer in answers} == {410}
    assert not any(EMAIL in answer.text or "Kimberley" in answer.text for answer in answers)
    assert Person.unsealed(stored(recipient).name_sealed).first_name == "Kimberley"
    assert stored(recipient).measured is True


def test_an_aged_link_mails_a_fresh_one_to_the_stored_address(
    client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    recipient = make_recipient(email=EMAIL)

    answer = client.post(me(recipient, days_old=400) + "/fresh")
    run_jobs()

    assert answer.status_code == 200
    assert EMAIL not in answer.text
    (mail,) = sink.to(EMAIL)
    assert client.get(path(mail.link("/me/"))).status_code == 200


def test_fresh_links_are_mailed_a_few_times_a_day_only(
    client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    recipient, other = make_recipient(), make_recipient()

    statuses = {client.post(me(recipient, days_old=40) + "/fresh").status_code for _ in range(10)}
    client.post(me(other, days_old=40) + "/fresh")
    run_jobs()

    assert statuses == {200}
    assert len(sink.mails) == seldom.A_DAY + 1


def test_a_fresh_link_is_not_mailed_to_who_has_left_meanwhile(
    client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    recipient = make_recipient()
    client.post(me(recipient, days_old=40) + "/fresh")
    service.erase(recipient.link_key)

    run_jobs()

    assert sink.mails == []


def test_unknown_bent_and_foreign_tokens_get_one_and_the_same_404(client: FlaskClient, app: Flask) -> None:
    recipient = make_recipient()
    token = links.preferences_token(recipient.link_key)
    foreign = ["x", token[:-1], token + "A", links.unsubscribe_token(recipient.link_key), "%00", "ü", "a" * 5000]
    foreign.append(links.preferences_token(b"x" * 16))

    answers = [
        client.open(f"/me/{each}{suffix}", method=method)
        for each in foreign
        for method, suffix in (
            ("GET", ""), ("POST", ""), ("POST", "/leave"), ("POST", "/measurement"), ("POST", "/fresh"),
        )
    ]  # fmt: skip

    assert [answer.request.path for answer in answers if answer.status_code != 404] == []
    assert len({answer.text for answer in answers if answer.request.method == "POST"}) == 1
    assert count(Recipient) == 1
