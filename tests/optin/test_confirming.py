"""The page behind the link in the confirmation mail, and the yes."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.config import Settings
from newsletter.core import tokens
from newsletter.core.db import db, utcnow
from newsletter.core.sealing import seal_json
from newsletter.mail import address
from newsletter.mail.models import OutboxMail
from newsletter.privacy.models import Receipt
from newsletter.recipients import links, service
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient
from tests.outages import database_away
from tests.signups import confirm_path, count, make_sign_up

EMAIL = "kim.beispiel@example.org"


def rows() -> tuple[int, int, int]:
    """Return the number of recipients, receipts and waiting mails."""
    return count(Recipient), count(Receipt), count(OutboxMail)


def leave() -> None:
    service.erase(db.session.query(Recipient).one().link_key, way="page")


def test_the_yes_makes_a_recipient_with_what_was_given(client: FlaskClient) -> None:
    newsletter = make_newsletter(measurement="ask")
    signup = make_sign_up(newsletter, EMAIL, Person("ms", "Dr.", "Kim", "Beispiel"), measurement="yes", language="en")

    answer = client.post(confirm_path(signup))

    recipient = db.session.query(Recipient).one()
    assert answer.status_code == 200
    assert address.unseal(recipient.address_sealed or b"") == EMAIL
    assert Person.unsealed(recipient.name_sealed) == Person("ms", "Dr.", "Kim", "Beispiel")
    assert (recipient.measured, recipient.language) == (True, "en")


def test_the_receipt_says_what_was_agreed_to_and_when(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    asked_at = utcnow() - timedelta(hours=3)
    signup = make_sign_up(newsletter, EMAIL, requested_at=asked_at, source="api")

    client.post(confirm_path(signup))

    receipt = db.session.query(Receipt).one()
    assert receipt.consent_wording == signup.consent_wording
    assert receipt.privacy_wording == signup.privacy_wording
    assert (receipt.source, receipt.method, receipt.measurement, receipt.language) == ("api", "link", "all", "de")
    assert receipt.requested_at == asked_at
    assert receipt.mailed_at is not None
    assert receipt.requested_at < receipt.mailed_at <= receipt.confirmed_at
    assert receipt.closed_at is None


def test_who_did_not_tick_the_box_is_not_measured(client: FlaskClient) -> None:
    newsletter = make_newsletter(measurement="ask")

    client.post(confirm_path(make_sign_up(newsletter, EMAIL, measurement="no")))

    assert db.session.query(Recipient).one().measured is False


def test_the_yes_needs_nothing_but_the_token(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    kinds = [
        {},
        {"data": b"", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"nonsense", "content_type": "text/plain"},
        {"data": b"{", "content_type": "application/json"},
        {"data": b"x", "content_type": "multipart/form-data"},
        {"headers": {"Origin": "https://evil.example", "Referer": "https://evil.example/", "Cookie": "a=b"}},
    ]

    for number, kind in enumerate(kinds):
        answer = client.post(confirm_path(make_sign_up(newsletter, f"p{number}@example.org")), **kind)

        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert count(Recipient) == len(kinds)


def test_a_second_yes_gets_the_same_page_and_changes_nothing(client: FlaskClient) -> None:
    link = confirm_path(make_sign_up(make_newsletter(), EMAIL))

    first, second = client.post(link), client.post(link)

    assert (first.status_code, first.data) == (second.status_code, second.data) == (200, first.data)
    assert rows() == (1, 1, 1)


def test_fifty_at_the_same_moment_make_one_recipient_one_receipt_one_welcome(app: Flask) -> None:
    link = confirm_path(make_sign_up(make_newsletter(), EMAIL))

    def yes(_number: int) -> int:
        return FlaskClient(app, app.response_class).post(link).status_code

    with ThreadPoolExecutor(5) as pool:
        statuses = set(pool.map(yes, range(50)))

    assert statuses == {200}
    assert rows() == (1, 1, 1)


def test_two_links_of_one_person_make_one_recipient(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    first, second = make_sign_up(newsletter, EMAIL), make_sign_up(newsletter, EMAIL.upper())

    statuses = [client.post(confirm_path(signup)).status_code for signup in (first, second)]

    assert statuses == [200, 200]
    assert rows() == (1, 1, 1)


def test_looking_a_hundred_times_changes_nothing(client: FlaskClient) -> None:
    link = confirm_path(make_sign_up(make_newsletter(), EMAIL))

    for _ in range(100):
        assert client.get(link).status_code == 200
        assert client.head(link, headers={"Purpose": "prefetch", "Sec-Purpose": "prefetch"}).status_code == 200

    assert rows() == (0, 0, 0)


def test_a_link_used_before_leaving_does_not_bring_the_person_back(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    link = confirm_path(make_sign_up(newsletter, EMAIL))
    client.post(link)
    leave()

    answer = client.post(link)

    assert answer.status_code == 410
    assert f'href="/n/{newsletter.slug}"' in answer.text
    assert count(Recipient) == 0


def test_a_link_asked_for_before_leaving_does_not_bring_the_person_back(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    used, unused = make_sign_up(newsletter, EMAIL), make_sign_up(newsletter, EMAIL)
    client.post(confirm_path(used))
    leave()

    assert client.post(confirm_path(unused)).status_code == 410
    assert rows()[:2] == (0, 1)


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda payload: [*payload, "new"],
        lambda payload: payload[:-1],
        lambda payload: [*payload[:2], [*payload[2], "new", "newer"], *payload[3:]],
        lambda payload: [*payload[:8], "2026-01-01", *payload[9:]],
        lambda payload: {"newsletter": payload[0]},
        lambda payload: 1,
    ],
)
def test_a_link_of_another_version_gets_the_answer_of_an_unknown_one(
    client: FlaskClient, otherwise: Callable[[list[Any]], object]
) -> None:
    payload = make_sign_up(make_newsletter(), EMAIL).payload()
    link = f"/confirm/{tokens.encode(seal_json('signup', otherwise(payload)))}"

    answers = [client.get(link), client.post(link)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert rows() == (0, 0, 0)


def test_who_signs_up_again_after_leaving_is_welcome(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    client.post(confirm_path(make_sign_up(newsletter, EMAIL)))
    leave()

    assert client.post(confirm_path(make_sign_up(newsletter, EMAIL))).status_code == 200
    assert rows()[:2] == (1, 2)


def test_leaving_one_newsletter_spoils_no_link_of_another(client: FlaskClient) -> None:
    first, second = make_newsletter(), make_newsletter()
    waiting = make_sign_up(second, EMAIL)
    client.post(confirm_path(make_sign_up(first, EMAIL)))
    leave()

    assert client.post(confirm_path(waiting)).status_code == 200


def test_an_old_link_says_so_kindly_and_offers_to_sign_up_again(client: FlaskClient, app: Flask) -> None:
    newsletter = make_newsletter()
    long_ago = utcnow() - timedelta(hours=app.config["CONFIRMATION_HOURS"], minutes=1)
    signup = make_sign_up(newsletter, EMAIL, mailed_at=long_ago)
    token = tokens.encode(seal_json("signup", signup.payload()))

    for answer in (client.get(f"/confirm/{token}"), client.post(f"/confirm/{token}")):
        assert answer.status_code == 410
        assert f'href="/n/{newsletter.slug}"' in answer.text
    assert rows() == (0, 0, 0)


def test_unknown_bent_and_foreign_tokens_get_one_and_the_same_answer(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    token = make_sign_up(newsletter, EMAIL).token()
    gone = make_newsletter()
    of_gone = make_sign_up(gone, EMAIL).token()
    db.session.delete(db.session.merge(gone))
    db.session.commit()
    recipient = make_recipient(newsletter, "a@example.org")
    bent = [
        "x",
        token[:-1],
        token[:40],
        token + "A",
        token[:60] + ("A" if token[60] != "A" else "B") + token[61:],
        token + "=",
        "%00",
        "%ff",
        "ü",
        "a" * 5000,
        links.unsubscribe_token(recipient.link_key),
        links.preferences_token(recipient.link_key),
        tokens.encode(seal_json("outbox", make_sign_up(newsletter, EMAIL).payload())),
        of_gone,
    ]

    answers = [client.open(f"/confirm/{each}", method=method) for each in bent for method in ("GET", "POST")]

    assert {answer.status_code for answer in answers} == {404}
    bodies = {answer.text.replace(answer.request.path, "") for answer in answers if answer.request.method == "POST"}
    assert len(bodies) == 1
    assert rows()[:2] == (1, 1)


def test_a_link_of_an_older_secret_key_still_works(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask
) -> None:
    newsletter = make_newsletter()
    first, second = (confirm_path(make_sign_up(newsletter, EMAIL)) for _ in range(2))
    app.test_client().post(first)
    newer = settings | {"SECRET_KEY": secrets.token_hex(32), "SECRET_KEY_FALLBACKS": [settings["SECRET_KEY"]]}

    with make_app(newer).app_context() as context:
        client = context.app.test_client()
        assert client.post(first).status_code == 200
        assert client.post(second).status_code == 200
        assert rows()[:2] == (1, 1)
        leave()
        assert client.post(first).status_code == 410
        assert client.post(second).status_code == 410


def test_with_the_database_gone_there_is_no_false_yes(client: FlaskClient, database_url: str) -> None:
    link = confirm_path(make_sign_up(make_newsletter(), EMAIL))
    db.session.remove()

    with database_away(database_url):
        answer = client.post(link)

    assert answer.status_code == 503
    assert client.post(link).status_code == 200
    assert rows() == (1, 1, 1)
