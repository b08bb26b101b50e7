"""SECRET_KEY is changed while the service runs: everything is sealed anew, and the old secret can be taken away."""

import secrets
import threading
from collections.abc import Callable

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.campaigns import service
from newsletter.campaigns.mails import Composer
from newsletter.config import Settings
from newsletter.core import kept_keys
from newsletter.core.db import db, metadata
from newsletter.core.sealing import Unsealable
from newsletter.mail import address, outbox
from newsletter.optin import offers, restraint
from newsletter.optin import service as optin
from newsletter.privacy import proof, receipts, verifying
from newsletter.recipients import admission, erasing, forgetting, links
from newsletter.recipients import jobs as recipients
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person
from newsletter.rotation import resealing, standing
from newsletter.rotation.columns import COLUMNS
from tests.factories import make_campaign, make_newsletter, make_recipient, make_recipients
from tests.signups import confirm_path, count, make_sign_up
from tests.sink import Sink
from tests.tracking.measured import make_measured

EMAIL = "kim.beispiel@example.org"
KIM = Person("ms", "Dr.", "Kim", "Müller")
MakeApp = Callable[[Settings], Flask]


@pytest.fixture
def newer(app: Flask, settings: Settings) -> Settings:
    """The settings once a new secret stands in front of the old one."""
    return settings | {"SECRET_KEY": secrets.token_hex(32), "SECRET_KEY_FALLBACKS": [settings["SECRET_KEY"]]}


@pytest.fixture
def without(newer: Settings) -> Settings:
    """And once the old one has been taken away."""
    return newer | {"SECRET_KEY_FALLBACKS": []}


def rotate(app: Flask, *arguments: str) -> tuple[int, str, str]:
    """Call the command; return exit code, what it printed, and what it said."""
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["keys", *(arguments or ("rotate",))])
    return result.exit_code, result.stdout, result.stderr


def test_every_sealed_column_is_known_to_rotation() -> None:
    sealed = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name == "sealed" or column.name.endswith("_sealed")
    }

    assert {column.name for column in COLUMNS} == sealed


def test_afterwards_the_old_secret_is_not_needed(make_app: MakeApp, newer: Settings, without: Settings) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, EMAIL, person=KIM)
    make_recipients(newsletter, 5)
    make_measured()
    outbox.post(recipients.send_preferences_link, {"link_key": "00", "language": "de"})
    db.session.execute(db.text("UPDATE outbox_mail SET not_before = now() + interval '1 hour'"))
    db.session.commit()
    newsletter_id, before = newsletter.id, count(Recipient)

    code, printed, said = rotate(make_app(newer))

    assert (code, int(printed) >= before + 3) == (0, True)
    assert "Keep SECRET_KEY_FALLBACKS until" in said
    with make_app(without).app_context():
        assert [(each.older, each.missing) for each in standing.every()] == [(0, 0)] * len(COLUMNS)
        found = admission.find(newsletter_id, EMAIL)
        assert found is not None
        assert address.unseal(found.address_sealed or b"") == EMAIL
        assert Person.unsealed(found.name_sealed) == KIM
        assert forgetting.forget(EMAIL) == 1


def test_without_it_what_was_sealed_with_the_old_one_is_not_readable(make_app: MakeApp, without: Settings) -> None:
    sealed = address.seal(EMAIL)

    with make_app(without).app_context(), pytest.raises(Unsealable):
        address.unseal(sealed)


def test_links_in_old_mails_work_when_the_old_secret_is_gone(
    app: Flask, make_app: MakeApp, newer: Settings, without: Settings
) -> None:
    one, two = make_recipient(email=EMAIL), make_recipient()
    leave, me = f"/u/{links.unsubscribe_token(one.link_key)}", f"/me/{links.preferences_token(two.link_key)}"
    not_me = f"/not-me/{restraint.not_me_token('other@example.org')}"
    rotate(make_app(newer))

    with make_app(without).app_context() as context:
        client = context.app.test_client()
        assert client.get(me).status_code == 200
        assert client.post(not_me).status_code == 200
        assert client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert count(Recipient) == 1
        assert not restraint.take(b"wish", one.newsletter_id, "other@example.org")


def test_and_so_they_do_after_a_second_rotation(make_app: MakeApp, newer: Settings, without: Settings) -> None:
    leave = f"/u/{links.unsubscribe_token(make_recipient(email=EMAIL).link_key)}"
    third = without | {"SECRET_KEY": secrets.token_hex(32), "SECRET_KEY_FALLBACKS": [without["SECRET_KEY"]]}
    rotate(make_app(newer))
    rotate(make_app(third))

    with make_app(third | {"SECRET_KEY_FALLBACKS": []}).app_context() as context:
        context.app.test_client().post(leave, data={"List-Unsubscribe": "One-Click"})

        assert count(Recipient) == 0


def test_receipts_are_found_and_whole_under_kept_keys(make_app: MakeApp, newer: Settings, without: Settings) -> None:
    newsletter = make_newsletter()
    erasing.erase(make_recipient(newsletter, EMAIL).link_key, None, "page")
    make_recipient(newsletter, "other@example.org")
    rotate(make_app(newer))

    with make_app(without).app_context():
        (closed,) = proof.of(EMAIL)
        assert closed.is_whole
        assert list(verifying.problems()) == []
        assert standing.receipts_not_vouched_for() == 0
        assert receipts.left_since(newsletter.id, EMAIL, closed.receipt.confirmed_at)


def test_a_campaign_keeps_its_message_ids(app: Flask, make_app: MakeApp, newer: Settings, without: Settings) -> None:
    campaign_id = make_campaign().id

    def message_id() -> str:
        return Composer(db.session(), service.every()[0]).message_id(7)

    assert service.every()[0].id == campaign_id
    before = message_id()
    rotate(make_app(newer))

    for settings in (newer, without):
        with make_app(settings).app_context():
            assert message_id() == before


def test_ended_in_the_middle_it_goes_on_where_it_was(make_app: MakeApp, newer: Settings) -> None:
    make_recipients(make_newsletter(), 10)

    with make_app(newer).app_context():
        next(step for step in resealing.reseal(batch=3) if step.done)
        db.session.rollback()
        left = sum(each.older for each in standing.every())
        again = sum(step.done for step in resealing.reseal(batch=3))

        assert left == again == 7
        assert sum(each.older for each in standing.every()) == 0


def test_who_holds_a_row_is_not_waited_for_and_the_row_is_named(
    make_app: MakeApp, newer: Settings, database_url: str
) -> None:
    newsletter = make_newsletter()
    held = make_recipient(newsletter, EMAIL).id
    make_recipients(newsletter, 3)

    with psycopg.connect(database_url) as someone:
        someone.execute("SELECT FROM recipient WHERE id = %s FOR UPDATE", (held,))
        code, printed, said = rotate(make_app(newer))
        assert (code, printed) == (1, "3\n")
        assert "1 values are sealed with an older key" in said

    assert rotate(make_app(newer))[:2] == (0, "1\n")


def test_a_sender_that_holds_a_row_stops_nothing(make_app: MakeApp, newer: Settings, database_url: str) -> None:
    recipient_id = make_recipient(email=EMAIL).id

    with psycopg.connect(database_url) as sender:
        sender.execute("SELECT FROM recipient WHERE id = %s FOR KEY SHARE", (recipient_id,))

        assert rotate(make_app(newer))[:2] == (0, "1\n")


def test_people_come_and_go_and_campaigns_are_sent_meanwhile(
    make_app: MakeApp, newer: Settings, without: Settings, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsletter = make_newsletter()
    stay, go = make_recipients(newsletter, 40), make_recipients(newsletter, 20)
    leaving = [links.unsubscribe_token(each.link_key) for each in go]
    coming = [confirm_path(make_sign_up(newsletter, f"new-{number}@example.org")) for number in range(20)]
    app, newsletter_id, left = make_app(newer), newsletter.id, len(stay)
    begun, statuses = threading.Event(), []

    def rotating() -> None:
        with app.app_context():
            for _step in resealing.reseal(batch=2):
                begun.set()

    rotation = threading.Thread(target=rotating)
    rotation.start()
    assert begun.wait(10)
    client = FlaskClient(app, app.response_class)
    for token, path in zip(leaving, coming, strict=True):
        statuses.append(client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"}).status_code)
        statuses.append(client.post(path).status_code)
    with app.app_context():
        campaign = service.send(make_campaign(db.session.get_one(Newsletter, newsletter_id)))
        service.jobs.send_campaign(campaign.id)
    rotation.join()

    assert set(statuses) == {200}
    assert len(sink.mails) == left + 20
    with app.app_context():
        kept_keys.keep_older()
        assert sum(step.done for step in resealing.reseal()) == 0
    with make_app(without).app_context():
        assert count(Recipient) == left + 20
        assert {each.missing for each in standing.every() if each.column.table == "recipient"} == {0}


def test_someone_who_is_there_twice_under_two_keys_holds_up_nobody(make_app: MakeApp, newer: Settings) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, EMAIL)
    make_recipients(newsletter, 3)
    app = make_app(newer)
    with app.app_context():
        make_recipient(db.session.get_one(Newsletter, newsletter.id), EMAIL)

    code, printed, _said = rotate(app)

    assert (code, printed) == (1, "3\n")


def test_a_key_taken_away_too_early_is_named(make_app: MakeApp, without: Settings) -> None:
    make_recipient(email=EMAIL, person=KIM)
    app = make_app(without)

    code, _printed, said = rotate(app, "show")
    with app.app_context():
        doctor = app.test_cli_runner().invoke(args=["doctor"]).stdout

    assert (code, "2 values need a key" in said) == (1, True)
    assert "FINDING  keys: 1 values of recipient.address_sealed need a key" in doctor
    assert "FINDING  keys: 1 of the oldest receipts" in doctor


def test_show_says_when_nothing_is_needed(app: Flask, make_app: MakeApp, newer: Settings) -> None:
    make_recipient(email=EMAIL)
    assert rotate(app, "show")[2] == "Nothing needs SECRET_KEY_FALLBACKS.\n"
    rotate(make_app(newer))

    db.session.execute(db.text("UPDATE kept_key SET kept_at = now() - interval '49 hours'"))
    db.session.commit()

    assert "it may be emptied now" in rotate(make_app(newer), "show")[2]


def test_waiting_mail_that_can_not_be_opened_waits_on(make_app: MakeApp, without: Settings, sink: Sink) -> None:
    newsletter = make_newsletter()
    optin.request(offers.remembered(newsletter.slug), optin.entered({"email": EMAIL}), language="de", source="page")
    row_id = db.session.execute(db.text("SELECT id FROM outbox_mail")).scalar_one()

    with make_app(without).app_context():
        optin.jobs.send_confirmation(row_id)

        doctor = make_app(without).test_cli_runner().invoke(args=["doctor"]).stdout

    assert db.session.execute(db.text("SELECT attempts FROM outbox_mail")).scalar_one() == 1
    assert sink.mails == []
    assert "FINDING  keys: 1 values of outbox_mail.sealed need a key" in doctor
