"""`/u/`: the page, the one-click POST, and what else the same address is on."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import time_machine
from flask import Flask, request, request_started, template_rendered
from flask.testing import FlaskClient

from newsletter.core.db import db, utcnow
from newsletter.recipients import links
from newsletter.recipients.models import Departure, Recipient
from tests.factories import make_campaign, make_newsletter, make_recipient
from tests.outages import database_away
from tests.signups import count

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
EMAIL = "kim.beispiel@example.org"


def leave_path(recipient: Recipient, campaign_id: int | None = None) -> str:
    return f"/u/{links.unsubscribe_token(recipient.link_key, campaign_id)}"


def test_one_click_works_however_it_is_sent(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    ways: list[dict[str, Any]] = [
        {"data": ONE_CLICK},
        {"data": ONE_CLICK, "content_type": "multipart/form-data"},
        {},
        {"data": b"", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"List-Unsubscribe=One-Click", "content_type": "text/plain"},
        {"data": b"{", "content_type": "application/json"},
        {"data": b"nonsense", "content_type": "multipart/form-data; boundary=x"},
        {"data": ONE_CLICK, "headers": {"Origin": "null", "Referer": "https://mail.example/", "Cookie": "staff=a.b.c"}},
        {"data": ONE_CLICK, "headers": {"User-Agent": ""}},
    ]

    for way in ways:
        answer = client.post(leave_path(make_recipient(newsletter)), **way)

        assert answer.status_code == 200
        assert not {"Set-Cookie", "Location", "Vary"} & set(answer.headers.keys())
    assert count(Recipient) == 0


def test_every_post_gets_the_same_answer_whatever_was_there(client: FlaskClient) -> None:
    recipient = make_recipient()
    path = leave_path(recipient)
    see = links.preferences_token(recipient.link_key)

    answers = [client.post(each, data=ONE_CLICK) for each in (path, path, "/u/x", path[:-1], f"/u/{see}", "/u/%00")]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1


def test_a_mail_program_gets_two_lines_and_no_page_is_made(client: FlaskClient) -> None:
    recipient = make_recipient()
    made: list[str | None] = []

    with template_rendered.connected_to(lambda _app, template, **_more: made.append(template.name)):
        answer = client.post(leave_path(recipient), data=ONE_CLICK, headers={"Accept-Language": "en"})

    assert (answer.mimetype, made) == ("text/plain", [])
    assert "keine E-Mails mehr" in answer.text
    assert "no mail goes out" in answer.text


def test_a_token_of_another_purpose_erases_nobody(client: FlaskClient) -> None:
    recipient = make_recipient()

    client.post(f"/u/{links.preferences_token(recipient.link_key)}", data=ONE_CLICK)

    assert count(Recipient) == 1


def test_looking_a_hundred_times_changes_nothing(client: FlaskClient) -> None:
    path = leave_path(make_recipient())

    for _ in range(100):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
        assert client.options(path).status_code == 200

    assert (count(Recipient), count(Departure)) == (1, 0)


def test_the_page_names_the_newsletter_and_never_the_address(client: FlaskClient) -> None:
    newsletter = make_newsletter(title="Energietipps")
    recipient = make_recipient(newsletter, EMAIL)

    page = client.get(leave_path(recipient)).text

    assert "Energietipps" in page
    assert "kim" not in page.lower()
    assert "example.org" not in page


def test_the_page_of_a_link_without_a_recipient_is_one_and_the_same_404(client: FlaskClient) -> None:
    recipient = make_recipient()
    path = leave_path(recipient)
    client.post(path)

    answers = [client.get(each) for each in (path, "/u/x", path[:-1], f"/u/{links.preferences_token(b'x' * 16)}")]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text.replace(answer.request.path, "") for answer in answers}) == 1


def test_the_campaign_of_the_mail_is_told_by_a_number_only(client: FlaskClient) -> None:
    campaign = make_campaign()
    recipient = make_recipient()

    client.post(leave_path(recipient, campaign.id), data=ONE_CLICK)

    departure = db.session.query(Departure).one()
    assert (departure.campaign_id, departure.way, departure.number) == (campaign.id, "one_click", 1)


def test_the_page_after_leaving_offers_the_other_newsletters_of_the_address(client: FlaskClient) -> None:
    first, second, third = (make_newsletter(title=title) for title in ("Eins", "Zwei", "Drei"))
    recipient = make_recipient(first, EMAIL)
    make_recipient(second, EMAIL.upper())
    make_recipient(third, "someone.else@example.org")

    page = client.post(leave_path(recipient), data={"from": "page"}).text

    assert "Zwei" in page
    assert "Drei" not in page
    assert page.count('name="leave"') == 1
    assert "data-first-input" not in page
    assert count(Recipient) == 2


def test_a_mail_program_is_not_told_of_other_newsletters(client: FlaskClient) -> None:
    first, second = make_newsletter(title="Eins"), make_newsletter(title="Zwei")
    recipient = make_recipient(first, EMAIL)
    make_recipient(second, EMAIL)

    page = client.post(leave_path(recipient), data=ONE_CLICK).text

    assert "Zwei" not in page
    assert count(Recipient) == 1


def offered(page: str) -> list[str]:
    return [piece.split('"')[0] for piece in page.split('name="leave" value="')[1:]]


def test_a_second_click_leaves_those_that_are_ticked(client: FlaskClient) -> None:
    recipients = [make_recipient(make_newsletter(title=title), EMAIL) for title in ("A", "B", "C")]
    words = offered(client.post(leave_path(recipients[0]), data={"from": "page"}).text)

    answer = client.post("/u/others", data={"leave": words[:1]})

    assert answer.status_code == 200
    assert [row.newsletter_id for row in db.session.query(Recipient)] == [recipients[2].newsletter_id]


def test_the_offer_ends_after_an_hour_and_can_not_be_made_up(client: FlaskClient) -> None:
    recipients = [make_recipient(make_newsletter(), EMAIL) for _ in range(2)]
    words = offered(client.post(leave_path(recipients[0]), data={"from": "page"}).text)
    key = recipients[1].link_key

    made_up = ["", "x", words[0][:-1], links.unsubscribe_token(key), links.preferences_token(key)]
    client.post("/u/others", data={"leave": made_up})
    with time_machine.travel(utcnow() + timedelta(hours=1, seconds=5), tick=False):
        client.post("/u/others", data={"leave": words})
    assert count(Recipient) == 1

    client.post("/u/others", data={"leave": words})
    assert count(Recipient) == 0


def test_with_the_database_gone_there_is_no_false_200(client: FlaskClient, database_url: str) -> None:
    path = leave_path(make_recipient())
    db.session.remove()

    with database_away(database_url):
        answers = [client.post(path, data=ONE_CLICK), client.post(path, data={"from": "page"}), client.get(path)]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert count(Recipient) == 1


def test_with_redis_gone_one_can_leave(make_app: Callable[..., Flask], settings: dict[str, Any], app: Flask) -> None:
    recipient = make_recipient()
    alone = make_app(settings | {"REDIS_URL": "redis://127.0.0.1:1/0"})

    answer = alone.test_client().post(leave_path(recipient), data=ONE_CLICK)

    assert answer.status_code == 200
    assert count(Recipient) == 0


def test_a_slash_too_many_is_no_redirect(client: FlaskClient) -> None:
    path = leave_path(make_recipient())

    for each in (path + "/", path.replace("/u/", "/u//"), "/u/"):
        assert client.post(each, data=ONE_CLICK).status_code in (404, 405)


def test_the_short_way_answers_as_the_long_one_does(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    short, long = (leave_path(make_recipient(newsletter)) for _ in range(2))
    form = "application/x-www-form-urlencoded"

    with_flask: list[str] = []
    with request_started.connected_to(lambda _app, **_more: with_flask.append(request.path)):
        answers = [
            client.post(short, data=b"List-Unsubscribe=One-Click", content_type=form),
            client.post(long, data=ONE_CLICK, content_type="multipart/form-data"),
        ]

    first, second = answers
    assert (first.status, first.data, sorted(first.headers)) == (second.status, second.data, sorted(second.headers))
    assert with_flask == [long]
    assert count(Recipient) == 0


def test_a_body_of_the_same_length_that_says_something_else_is_read_by_the_page(client: FlaskClient) -> None:
    recipient = make_recipient()

    answer = client.post(leave_path(recipient), data=b"from=page&one-click-nearly", headers={"Accept": "text/html"})
    page = client.post(
        leave_path(make_recipient()),
        data=b"from=page&xxxxxxxxxxxxxxxx",
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )

    assert (answer.status_code, page.status_code, page.mimetype) == (200, 200, "text/html")
    assert count(Recipient) == 0
