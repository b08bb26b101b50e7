"""Sign-ups over the API: the twin of the form."""

import json
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from newsletter.config import Settings
from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from newsletter.recipients.models import Recipient
from tests.api.conftest import Api
from tests.factories import make_newsletter, make_recipient
from tests.sink import Sink

PENDING = b'{"status":"pending"}\n'
EVERYTHING = {
    "email": "kim.beispiel@example.org",
    "salutation": "ms",
    "title": "Dr.",
    "first_name": "Kim",
    "last_name": "Beispiel",
    "language": "en",
    "measurement": True,
}


def waiting() -> int:
    return db.session.query(OutboxMail).count()


def test_a_sign_up_needs_no_token_and_mails_a_confirmation(api: Api, run_jobs: Callable[[], int], sink: Sink) -> None:
    newsletter = make_newsletter()

    answer = api.post(f"/newsletters/{newsletter.slug}/signups", EVERYTHING, token=None)
    run_jobs()

    assert (answer.status_code, answer.data) == (202, PENDING)
    assert [mail.to for mail in sink.mails] == [["kim.beispiel@example.org"]]
    assert db.session.query(Recipient).count() == 0


def test_the_address_is_enough(api: Api) -> None:
    newsletter = make_newsletter()

    answer = api.post(f"/newsletters/{newsletter.slug}/signups", {"email": "a@example.org"}, token=None)

    assert (answer.status_code, answer.data) == (202, PENDING)
    assert waiting() == 1


def test_null_is_as_good_as_nothing(api: Api) -> None:
    newsletter = make_newsletter()
    nothing = dict.fromkeys(EVERYTHING) | {"email": "a@example.org"}

    answer = api.post(f"/newsletters/{newsletter.slug}/signups", nothing, token=None)

    assert answer.status_code == 202


def test_the_answer_does_not_tell_who_is_subscribed(api: Api) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "there@example.org")

    answers = [
        api.post(f"/newsletters/{newsletter.slug}/signups", {"email": email}, token=None)
        for email in ("there@example.org", "new@example.org", "new@example.org", "THERE@example.org")
    ]

    assert {(answer.status_code, answer.data, str(answer.headers)) for answer in answers} == {
        (202, PENDING, str(answers[0].headers))
    }


def test_wrong_fields_are_named_all_at_once(api: Api) -> None:
    newsletter = make_newsletter()
    wrong = {"email": "nobody", "salutation": "sir", "title": "a\nb", "first_name": "x" * 101}

    answer = api.post(f"/newsletters/{newsletter.slug}/signups", wrong, token=None)

    assert answer.status_code == 422
    assert set(answer.json["errors"]) == set(wrong)
    assert waiting() == 0


def test_a_value_of_the_wrong_kind_is_named(api: Api) -> None:
    newsletter = make_newsletter()
    wrong = [
        ("email", 1),
        ("email", ["a@example.org"]),
        ("email", ""),
        ("email", None),
        ("first_name", {}),
        ("language", "fr"),
        ("language", ["de"]),
        ("language", 1),
        ("measurement", "yes"),
        ("measurement", 1),
        ("consent", True),
        ("newsletter_id", 1),
    ]

    for field, value in wrong:
        body = {"email": "a@example.org", field: value}
        answer = api.post(f"/newsletters/{newsletter.slug}/signups", body, token=None)

        assert answer.status_code == 422, (field, value)
        assert set(answer.json["errors"]) == {field}
    assert waiting() == 0


def test_addresses_that_can_not_be_mailed_are_refused(api: Api) -> None:
    newsletter = make_newsletter()
    bad = [
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a@[127.0.0.1]",
        "ümlaut@example.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 60 + ("." + "c" * 60) * 4 + ".org",
        "<a@example.org>",
        "a@localhost",
        "a@",
        "@example.org",
    ]

    for email in bad:
        answer = api.post(f"/newsletters/{newsletter.slug}/signups", {"email": email}, token=None)

        assert answer.status_code == 422, email
        assert set(answer.json["errors"]) == {"email"}
        assert "a@" not in answer.get_data(as_text=True), "the answer repeats the address"


def test_an_unknown_newsletter_is_404(api: Api) -> None:
    answer = api.post("/newsletters/nothing/signups", {"email": "a@example.org"}, token=None)

    assert answer.status_code == 404


def test_a_token_does_no_harm_good_or_not(api: Api) -> None:
    newsletter = make_newsletter()
    path, body = f"/newsletters/{newsletter.slug}/signups", {"email": "a@example.org"}

    assert api.post(path, body).status_code == 202
    assert api.post(path, body, token="nl_wrong").status_code == 202


def test_looking_is_not_signing_up(api: Api) -> None:
    newsletter = make_newsletter()

    answer = api.get(f"/newsletters/{newsletter.slug}/signups", token=None)

    assert answer.status_code == 405
    assert waiting() == 0


def test_form_and_api_share_one_limit(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    app = make_app(settings | {"SIGNUPS_PER_MINUTE": 2})
    client: FlaskClient = app.test_client()
    form = {"email": "a@example.org"}

    with app.app_context():
        slug = make_newsletter().slug
        first = client.post(f"/api/v1/newsletters/{slug}/signups", json=form)
        second = client.post(f"/n/{slug}", data=form)
        third = client.post(f"/api/v1/newsletters/{slug}/signups", json=form)
        fourth = client.post(f"/n/{slug}", data=form)

    assert first.status_code == 202
    assert second.status_code < 400
    assert (third.status_code, fourth.status_code) == (429, 429)
    assert json.loads(third.data)["status"] == 429
    assert third.mimetype == "application/problem+json"


def test_each_wrong_field_is_named_at_once(api: Api) -> None:
    path = f"/newsletters/{make_newsletter().slug}/signups"

    of_the_wrong_kind = api.post(path, {"email": "bad", "first_name": 5, "language": "fr"})
    unknown = api.post(path, {"email": "bad", "nope": 1})

    assert set(of_the_wrong_kind.json["errors"]) == {"email", "first_name", "language"}
    assert set(unknown.json["errors"]) == {"email", "nope"}
