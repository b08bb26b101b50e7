"""`/me/`: restrict the use of one's data, and take it along; what an old mail must not permit."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient

from newsletter.campaigns import audience, claims, service
from newsletter.core.db import db, utcnow
from newsletter.recipients import disclosure, links, moving
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from tests.factories import CONSENT, make_campaign, make_newsletter, make_recipient
from tests.signups import path
from tests.sink import Sink

EMAIL = "kim.beispiel@example.org"


def me(recipient: Recipient, suffix: str = "") -> str:
    return f"/me/{links.preferences_token(recipient.link_key)}{suffix}"


def mailed(recipient: Recipient, suffix: str = "") -> str:
    return path(links.mailed_preferences_url(recipient.link_key)) + suffix


def test_no_mail_begins_behind_the_answer_to_who_restricts(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter, EMAIL)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    restriction = me(recipient, "/restriction")
    monkeypatch.setattr(moving, "SENDERS_WAIT", "50ms")

    with db.engine.connect() as sender:
        claimed = claims.claim(sender, campaign.id, 10)
        assert claimed is not None
        sender.commit()
        assert claims.hold(sender, claimed.batch_id)
        with caplog.at_level("WARNING"):
            answer = client.post(restriction, data={"restricted": "yes"})
        sender.rollback()

    assert answer.status_code == 303
    assert "a mail in hand" in caplog.text, "it was waited for"


def test_who_restricts_is_kept_and_left_out_of_the_next_campaign(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    restricted, other = (make_recipient(newsletter) for _ in range(2))

    answer = client.post(me(restricted, "/restriction"), data={"restricted": "yes"})
    campaign = make_campaign(newsletter)

    assert answer.status_code == 303
    assert db.session.get_one(Recipient, restricted.id).address_sealed is not None
    assert (audience.count(newsletter.id), audience.snapshot(campaign)) == (1, 1)
    assert other.restricted_at is None


def test_who_restricts_in_the_middle_of_a_campaign_is_not_held_for_sending(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    restricted, other = (make_recipient(newsletter) for _ in range(2))
    campaign = make_campaign(newsletter)
    service.send(campaign)
    client.post(me(restricted, "/restriction"), data={"restricted": "yes"})

    claimed = claims.claim(db.session.connection(), campaign.id, 10)
    assert claimed is not None
    held = claims.hold(db.session.connection(), claimed.batch_id)

    assert claimed.number == 2
    assert [claim.recipient_id for claim in held] == [other.id]


def test_a_restriction_is_shown_and_can_be_lifted(client: FlaskClient) -> None:
    recipient = make_recipient()
    client.post(me(recipient, "/restriction"), data={"restricted": "yes"})
    first = db.session.get_one(Recipient, recipient.id).restricted_at
    client.post(me(recipient, "/restriction"), data={"restricted": "yes"})

    page = client.get(me(recipient)).text
    assert "your data is only kept" in page
    assert db.session.get_one(Recipient, recipient.id).restricted_at == first

    client.post(me(recipient, "/restriction"), data={"restricted": "no"})
    assert db.session.get_one(Recipient, recipient.id).restricted_at is None


@pytest.mark.parametrize("wish", ["", "maybe", "1"])
def test_restriction_takes_yes_or_no_and_nothing_else(client: FlaskClient, wish: str) -> None:
    recipient = make_recipient()

    assert client.post(me(recipient, "/restriction"), data={"restricted": wish}).status_code == 422
    assert db.session.get_one(Recipient, recipient.id).restricted_at is None


def test_the_file_holds_all_that_is_stored_as_its_schema_says(client: FlaskClient) -> None:
    recipient = make_recipient(email=EMAIL, person=Person("ms", "Dr.", "Kim", "Müller"))

    answer = client.get(mailed(recipient, "/download"))

    document = answer.get_json()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert document["person"] == {
        "email": EMAIL, "salutation": "ms", "title": "Dr.", "first_name": "Kim", "last_name": "Müller",
        "language": "de",
    }  # fmt: skip
    assert CONSENT in document["consent"]["text"]
    assert list(document) == disclosure.SCHEMA["required"]
    for part in ("newsletter", "person", "consent"):
        assert list(document[part]) == disclosure.SCHEMA["properties"][part]["required"]
    assert client.get("/me/schema.json").get_json() == disclosure.SCHEMA


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ("Eine Kopie Ihrer Daten", "Frau", "Nicht gespeichert")),
        ("en", ("A copy of your data", "Ms", "Not stored")),
    ],
)
def test_the_page_to_print_holds_what_the_file_holds(
    client: FlaskClient, language: str, words: tuple[str, ...]
) -> None:
    recipient = make_recipient(email=EMAIL, person=Person("ms", "Dr.", "Kim", "Müller"))
    old = client.get(me(recipient, "/copy"))

    page = client.get(mailed(recipient, "/copy"), headers={"Accept-Language": language}).text
    file = client.get(mailed(recipient, "/download")).get_json()

    person = [value for name, value in file["person"].items() if name not in ("salutation", "language")]
    for word in (*words, *person, file["newsletter"]["title"], file["newsletter"]["sender_address"], CONSENT):
        assert word in page
    assert 'name="last_name"' in old.text, "an older link shows the page of one's data instead"


def test_an_old_mail_permits_no_download_and_a_mailed_link_does_for_an_hour(
    client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    recipient = make_recipient(email=EMAIL)
    answer = client.get(me(recipient, "/download"))
    assert "Content-Disposition" not in answer.headers

    client.post(me(recipient, "/fresh"))
    run_jobs()
    (mail,) = sink.to(EMAIL)
    link = path(mail.link("/me/")) + "/download"

    assert client.get(link).get_json()["person"]["email"] == EMAIL
    with time_machine.travel(utcnow() + timedelta(minutes=61), tick=False):
        assert "Content-Disposition" not in client.get(link).headers


def test_every_column_of_a_recipient_is_in_the_file_or_says_nothing_of_the_person() -> None:
    disclosed = {
        "newsletter_id", "address_sealed", "name_sealed", "language", "measured", "receipt_id", "confirmed_at",
        "restricted_at", "address_changed_at",
    }  # fmt: skip
    technical = {"id", "link_key", "address_digest"}

    assert {column.name for column in Recipient.__table__.columns} == disclosed | technical
