"""A campaign mail as it goes over the wire."""

import re

import pytest
from flask import Flask

from newsletter.campaigns import service
from newsletter.config import Settings
from newsletter.recipients.person import Person
from tests.campaigns.test_delivering import RunJobs
from tests.factories import make_campaign, make_newsletter, make_recipient
from tests.sink import Sink

ONCE = ["From", "To", "Date", "Message-ID", "Subject", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"]
STRUCTURED = ["To", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"]
LONG_URL = "https://" + ("news." * 22)[: 120 - len("https://") - len(".example")] + ".example"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An installation whose links are as long as they get."""
    assert len(LONG_URL) == 120
    return settings | {"PUBLIC_URL": LONG_URL}


@pytest.mark.parametrize("measurement", ["all", "off"])
def test_the_octets_are_what_mailbox_providers_ask_for(
    app: Flask, sink: Sink, run_jobs: RunJobs, measurement: str
) -> None:
    newsletter = make_newsletter(
        measurement=measurement, title="Größtes Übermaß " * 6, from_name='Müller, "GmbH"', reply_to="re@example.org"
    )
    person = Person("mr", "Prof. Dr. Dr. h. c.", "Jürgen", "Überlang" * 12)
    make_recipient(newsletter, "a" * 64 + "@" + "b" * 60 + ".example", person=person)
    body = "Wort " * 400 + "\n.\n..\n\n[" + "ä" * 300 + "](https://example.org/" + "x" * 900 + ")\n"
    campaign = make_campaign(newsletter, subject="Schöne Grüße " * 15, preheader="Übrigens", markdown=body)

    service.send(campaign)
    run_jobs()

    (mail,) = sink.mails
    head = mail.raw.split(b"\r\n\r\n")[0].decode("ascii")
    for name in ONCE:
        assert len(re.findall(rf"(?mi)^{name}:", head)) == 1, name
    for name in STRUCTURED:
        assert "=?" not in "".join(mail.message.get_all(name, [])), name
        assert f"{name}: " in head
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(rf"<{LONG_URL}/u/[\w-]+>", mail.message["List-Unsubscribe"])
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
    assert all(octet < 128 for octet in mail.raw)
    assert mail.raw.count(b"\n") == mail.raw.count(b"\r\n")
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]
    assert "Sehr geehrter Herr Prof. Dr. Dr. h. c. Überlang" in mail.text
    assert not mail.message.defects


def test_markup_in_a_name_is_text(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, person=Person(first_name="<b>Kim</b>", last_name='"&.'))
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()

    assert "Guten Tag <b>Kim</b> &#34;" not in sink.mails[0].html
    assert "&lt;b&gt;Kim&lt;/b&gt;" in sink.mails[0].html
    assert 'Guten Tag <b>Kim</b> "&.,' in sink.mails[0].text


def test_two_recipients_differ_in_their_slots_only(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "one@example.org")
    make_recipient(newsletter, "two@example.org")
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()

    def without_slots(raw: bytes) -> str:
        text = raw.decode("ascii").replace("=\r\n", "")
        return re.sub(r"(/(?:u|me|c|o)/)[\w-]+|<\w+@|(?:one|two)@", r"\1", text)

    assert without_slots(sink.mails[0].raw) == without_slots(sink.mails[1].raw)
    assert sink.mails[0].message["Message-ID"] != sink.mails[1].message["Message-ID"]


def test_a_mail_that_is_sent_again_keeps_its_message_id(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter)
    campaign = make_campaign(newsletter)
    sink.drop("DOT", times=1, keep=True)

    service.send(campaign)
    run_jobs()
    service.resend_in_doubt(campaign)
    run_jobs()

    first, second = (mail.message["Message-ID"] for mail in sink.mails)
    assert first == second
