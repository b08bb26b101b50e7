"""The contact page: from a form to a mailbox, and nothing left behind."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from newsletter.config import Settings
from newsletter.mail.models import OutboxMail
from tests.signups import count
from tests.sink import Sink
from tests.stores import everything_stored

EMAIL, TEXT = "kim.beispiel@example.org", "Bitte löschen Sie alles.\n\n<b>Danke</b>"
FORM = {"matter": "privacy", "email": EMAIL, "text": TEXT}
Run = Callable[[], int]


def test_a_message_reaches_the_one_it_is_for(client: FlaskClient, run_jobs: Run, sink: Sink, app: Flask) -> None:
    app.config |= {"CONTACT_PRIVACY": "DPO <dpo@werke.example>", "CONTACT_NEWSLETTER": "redaktion@werke.example"}

    for matter in ("privacy", "newsletter"):
        assert client.post("/contact", data=FORM | {"matter": matter}).status_code == 200
    run_jobs()

    assert [mail.to for mail in sink.mails] == [["dpo@werke.example"], ["redaktion@werke.example"]]
    for mail in sink.mails:
        assert mail.message["Reply-To"].addresses[0].addr_spec == EMAIL
        assert mail.message["From"].addresses[0].addr_spec == "news@stadtwerke-musterstadt.example"
        assert TEXT in "\n".join(mail.text.splitlines())
        assert "&lt;b&gt;Danke&lt;/b&gt;" in mail.html
        assert EMAIL not in mail.subject


def test_without_settings_it_goes_to_the_sender(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    client.post("/contact", data=FORM)
    run_jobs()

    assert [mail.to for mail in sink.mails] == [["news@stadtwerke-musterstadt.example"]]


def test_nothing_is_stored_but_what_waits_sealed(
    client: FlaskClient, run_jobs: Run, env: dict[str, str], redis_url: str
) -> None:
    client.post("/contact", data=FORM)

    waiting = everything_stored(env)
    run_jobs()
    after = everything_stored(env)

    for trace in ("kim.beispiel", "löschen", "Danke"):
        assert trace not in waiting + after
    assert count(OutboxMail) == 0
    with Redis.from_url(redis_url) as redis:
        assert [key for key in redis.scan_iter() if b"job" in key] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "kim"}, "email"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"text": " \r\n "}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"matter": "else"}, "matter"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(client: FlaskClient, wrong: dict[str, str], field: str) -> None:
    answer = client.post("/contact", data=FORM | wrong)

    assert answer.status_code == 422
    assert f'id="{field}-error">' in answer.text
    assert count(OutboxMail) == 0
    assert 'value="privacy" required checked' in answer.text or field == "matter"


def test_lines_end_as_a_browser_sends_them(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    client.post("/contact", data=FORM | {"text": "one\r\ntwo"})
    run_jobs()

    assert "one\ntwo" in "\n".join(sink.mails[0].text.splitlines())


def test_a_program_that_fills_in_every_field_mails_nothing_and_is_not_told(client: FlaskClient) -> None:
    person, program = (client.post("/contact", data=FORM | more) for more in ({}, {"website": "https://spam.example"}))

    assert (person.status, person.data) == (program.status, program.data)
    assert count(OutboxMail) == 1


def test_one_network_gets_few_messages_through(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    app = make_app(settings | {"SIGNUPS_PER_MINUTE": 600})
    with app.app_context():
        client = app.test_client()

        statuses = [client.post("/contact", data=FORM).status_code for _ in range(8)]

        assert statuses == [200] * 6 + [429] * 2


def test_every_page_leads_here_and_the_privacy_statement_to_its_own_matter(client: FlaskClient) -> None:
    footer, privacy = client.get("/imprint").text, client.get("/privacy").text

    assert 'href="/contact"' in footer
    assert 'href="/contact?matter=privacy"' in privacy
    assert 'value="privacy" required checked' in client.get("/contact?matter=privacy").text


def test_it_speaks_german(client: FlaskClient) -> None:
    page = client.get("/contact?lang=de").text

    assert '<html lang="de">' in page
    assert "Worum geht es?" in page
