"""Changing the address: asked for by a freshly mailed link, confirmed in the new mailbox, told to the old one."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from newsletter.campaigns import claims
from newsletter.campaigns import service as campaigns
from newsletter.campaigns.held import Outcome
from newsletter.campaigns.mails import Composer
from newsletter.campaigns.models import DeliveryState
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Expired
from newsletter.mail import address, outbox
from newsletter.mail.models import OutboxMail
from newsletter.mailbox import service
from newsletter.optin import restraint
from newsletter.optin.models import ConfirmationMail
from newsletter.privacy import chain, proof, verifying
from newsletter.privacy.models import Receipt
from newsletter.recipients import access, links, moving, seldom
from newsletter.recipients import service as recipients
from newsletter.recipients.models import Departure, Recipient
from newsletter.recipients.person import Person
from tests.factories import make_campaign, make_newsletter, make_recipient
from tests.outages import counting_queries
from tests.signups import count, make_address_change, path
from tests.sink import Sink
from tests.stores import everything_stored

OLD, NEW = "kim.beispiel@example.org", "kim.neu@example.com"
Run = Callable[[], int]


def mailed(recipient: Recipient, suffix: str = "/address") -> str:
    issued_at = links.not_before(recipient.address_changed_at)
    return path(links.mailed_preferences_url(recipient.link_key, issued_at)) + suffix


def stored() -> list[str]:
    db.session.expire_all()
    return sorted(address.unseal(row.address_sealed or b"") for row in db.session.query(Recipient))


def ask(client: FlaskClient, run_jobs: Run, sink: Sink, recipient: Recipient, email: str = NEW) -> str:
    """Ask for another address; return the path of the link that was mailed there."""
    assert client.post(mailed(recipient), data={"email": email}).status_code == 200
    run_jobs()
    return path(sink.to(email)[-1].link("/new-address/"))


def test_the_new_address_is_confirmed_in_its_mailbox_and_the_old_one_is_told(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    recipient = make_recipient(make_newsletter(title="Energietipps"), OLD, person=Person("ms", "", "Kim", "Müller"))
    receipt_id = recipient.receipt_id

    link = ask(client, run_jobs, sink, recipient)
    assert (client.get(link).status_code, stored(), sink.to(OLD)) == (200, [OLD], [])
    answer = client.post(link)
    run_jobs()

    assert answer.status_code == 200
    assert stored() == [NEW]
    (told,) = sink.to(OLD)
    assert "Energietipps" in told.text
    assert not any(word in told.text + told.html for word in (NEW, "Müller", "/me/", "/u/"))
    moved = db.session.query(Recipient).one()
    assert (moved.id, moved.address_digest) == (recipient.id, address.digest(NEW))
    assert (moved.receipt_id == receipt_id, Person.unsealed(moved.name_sealed).last_name) == (False, "Müller")


def test_nothing_of_the_person_is_said_to_the_new_address_before_it_is_confirmed(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    recipient = make_recipient(email=OLD, person=Person("ms", "", "Kimberley", "Müller"))

    page = client.get(ask(client, run_jobs, sink, recipient)).text

    (mail,) = sink.to(NEW)
    for word in (OLD, NEW, "Kimberley", "Müller", "/me/", "/u/"):
        assert word not in page
        assert word not in mail.text + mail.html


def test_until_it_is_confirmed_the_new_address_is_in_no_store(
    client: FlaskClient, run_jobs: Run, sink: Sink, env: dict[str, str]
) -> None:
    recipient = make_recipient(email=OLD)

    ask(client, run_jobs, sink, recipient)

    assert "kim.neu" not in everything_stored(env)
    assert (count(OutboxMail), count(Receipt), count(Recipient)) == (0, 1, 1)
    assert db.session.query(ConfirmationMail).one().address_digest != address.digest(NEW)


def test_the_closed_receipt_and_the_new_one_join_in_the_chain(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    client.post(ask(client, run_jobs, sink, make_recipient(email=OLD)))
    chain.link_new()

    closed, opened = db.session.query(Receipt).order_by(Receipt.id)
    assert (closed.close_reason, opened.closed_at, opened.method, opened.source) == (
        "address", None, "address", "preferences",
    )  # fmt: skip
    assert (opened.consent_wording, opened.privacy_wording) == (closed.consent_wording, closed.privacy_wording)
    assert opened.requested_at < (opened.mailed_at or opened.requested_at) < opened.confirmed_at
    assert list(verifying.problems()) == []
    assert [each.receipt.id for each in proof.of(NEW)] == [opened.id]
    assert "Adressänderung" in proof.text(NEW, proof.of(NEW), "de")


def test_the_request_takes_a_freshly_mailed_link(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    recipient = make_recipient(email=OLD)
    old_mail = f"/me/{links.preferences_token(recipient.link_key)}/address"

    page = client.get(old_mail)
    answers = [client.post(old_mail, data={"email": NEW}).status_code]
    with time_machine.travel(utcnow() - timedelta(minutes=61), tick=False):
        link = mailed(recipient)
    answers.append(client.post(link, data={"email": NEW}).status_code)
    answers.append(client.post(f"/me/{links.unsubscribe_token(recipient.link_key)}/address").status_code)
    run_jobs()

    assert (page.status_code, 'name="email"' in page.text, "/fresh" in page.text) == (200, False, True)
    assert answers == [404, 410, 404]
    assert sink.mails == []


@pytest.mark.parametrize(
    "email", ["", "nonsense", "a@b@example.org", "two@example.org, three@example.org", OLD.upper()]
)
def test_a_wrong_address_is_said_at_the_field_and_mailed_nothing(
    client: FlaskClient, run_jobs: Run, sink: Sink, email: str
) -> None:
    answer = client.post(mailed(make_recipient(email=OLD)), data={"email": email})
    run_jobs()

    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text
    assert sink.mails == []


def test_the_answers_are_the_same_whether_or_not_the_new_address_is_known(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    known, blocked = "known@example.org", "blocked@example.org"
    make_recipient(newsletter, known)
    restraint.refuse(restraint.not_me_token(blocked))
    pages, asked = [], []
    client.get("/")  # the first request of a process also looks whether the database is the present one

    for email in (NEW, known, blocked):
        recipient = make_recipient(newsletter)
        with counting_queries() as statements:
            pages.append(client.post(mailed(recipient), data={"email": email}).text)
        asked.append(statements)
    run_jobs()

    assert pages[0] == pages[1] == pages[2]
    assert asked[0] == asked[1] == asked[2]
    confirmed = [client.post(path(sink.to(email)[0].link("/new-address/"))).text for email in (NEW, known)]
    assert confirmed[0] == confirmed[1]
    assert sink.to(blocked) == []


def test_where_the_new_address_is_subscribed_already_the_old_subscription_ends(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    there = make_recipient(newsletter, NEW, person=Person(first_name="Robin")).id
    recipient = make_recipient(newsletter, OLD, person=Person(first_name="Kim"))

    link = ask(client, run_jobs, sink, recipient)
    answers = {client.post(link).text for _ in range(3)}
    run_jobs()

    left = db.session.query(Recipient).one()
    assert (left.id, Person.unsealed(left.name_sealed).first_name, len(answers)) == (there, "Robin", 1)
    assert db.session.query(Departure).one().way == "address"
    assert len(sink.to(OLD)) == 1


def test_it_works_once_and_says_the_same_again(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    link = ask(client, run_jobs, sink, make_recipient(email=OLD))

    answers = {client.post(link).text for _ in range(3)}
    run_jobs()

    assert (len(answers), stored(), count(Receipt)) == (1, [NEW], 2)
    assert len(sink.to(OLD)) == 1


def test_a_link_changes_no_address_but_the_one_it_was_asked_for_at(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    recipient = make_recipient(email=OLD)
    first = ask(client, run_jobs, sink, recipient)
    other = ask(client, run_jobs, sink, recipient, "third@example.org")
    client.post(first)
    client.post(ask(client, run_jobs, sink, db.session.query(Recipient).one(), OLD))

    answers = [client.post(link).status_code for link in (first, other)]

    assert answers == [410, 410]
    assert stored() == [OLD]


def test_a_link_ages_can_not_be_made_up_and_brings_nobody_back(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    recipient = make_recipient(email=OLD)
    link = ask(client, run_jobs, sink, recipient)
    foreign = ["x", link[:-1], links.preferences_token(recipient.link_key), "%00", "a" * 5000]

    answers = [client.open(f"/new-address/{each}", method=method) for each in foreign for method in ("GET", "POST")]
    with time_machine.travel(utcnow() + timedelta(hours=49), tick=False):
        aged = [client.get(link).status_code, client.post(link).status_code]
    recipients.erase(recipient.link_key)
    gone = client.post(link).status_code

    assert {answer.status_code for answer in answers} == {404}
    assert (aged, gone, count(Recipient)) == ([410, 410], 410, 0)


def test_whoever_left_with_the_new_address_meanwhile_is_not_brought_back(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    newsletter = make_newsletter()
    link = ask(client, run_jobs, sink, make_recipient(newsletter, OLD))
    recipients.erase(make_recipient(newsletter, NEW).link_key)

    assert client.post(link).status_code == 410
    assert stored() == [OLD]


def test_mails_from_before_can_still_leave_but_no_longer_show_or_change_anything(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    recipient = make_recipient(email=OLD)
    with time_machine.travel(utcnow() - timedelta(seconds=30), tick=False):
        shows, more = f"/me/{links.preferences_token(recipient.link_key)}", mailed(recipient, "")
        leaves = f"/u/{links.unsubscribe_token(recipient.link_key)}"
    client.post(ask(client, run_jobs, sink, recipient))

    pages = [client.get(shows), client.get(more), client.get(f"{more}/download"), client.get(f"{more}/address")]
    assert [page.status_code for page in pages] == [410] * 4
    assert not any(NEW in page.text for page in pages)
    assert client.post(f"{more}/address", data={"email": "eve@example.org"}).status_code == 410

    run_jobs()
    sink.clear()
    client.post(f"{shows}/fresh")
    run_jobs()
    assert [mail.to for mail in sink.mails] == [[NEW]]
    assert client.post(leaves).status_code == 200
    assert stored() == []


def test_one_address_gets_the_mail_once_a_day_and_one_recipient_asks_a_few_times(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    recipient = make_recipient(email=OLD)

    for _time in range(2):
        assert client.post(mailed(recipient), data={"email": NEW}).status_code == 200
    for number in range(10):
        assert client.post(mailed(recipient), data={"email": f"person-{number}@example.com"}).status_code == 200
    run_jobs()

    assert len(sink.to(NEW)) == 1
    assert len(sink.mails) == seldom.A_DAY - 1


def test_the_swap_and_the_mail_to_the_old_address_are_one_transaction(
    app: Flask, run_jobs: Run, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_address_change(make_recipient(email=OLD), NEW).token()
    monkeypatch.setattr(restraint, "settle", lambda _email: db.session.execute(db.text("SELECT 1 / 0")))

    with pytest.raises(Exception, match="division by zero"):
        service.change_address(token)
    db.session.rollback()
    run_jobs()

    assert (stored(), count(Receipt), count(OutboxMail), sink.mails) == ([OLD], 1, 0, [])


def test_a_mail_that_begins_after_the_change_goes_to_the_new_address_and_one_in_hand_is_waited_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter, OLD)
    campaign = make_campaign(newsletter)
    campaigns.send(campaign)
    token = make_address_change(recipient, NEW).token()
    monkeypatch.setattr(moving, "SENDERS_WAIT", "50ms")

    with db.engine.connect() as sender:
        claimed = claims.claim(sender, campaign.id, 10)
        assert claimed is not None
        sender.commit()
        (before,) = claims.hold(sender, claimed.batch_id)
        with caplog.at_level("WARNING"):
            service.change_address(token)
        assert "a mail in hand" in caplog.text, "it was waited for"
        sender.rollback()
        (after,) = claims.hold(sender, claimed.batch_id)

    assert [address.unseal(claim.address_sealed) for claim in (before, after)] == [OLD, NEW]


def test_a_link_shows_the_data_to_the_address_that_its_mail_went_to_and_to_no_other(app: Flask) -> None:
    """
    Given a worker that began to send a campaign before an address was changed, in the same second
    When it makes a mail from what it read before the change, and one from what it read after
    Then the link in the first shows nothing, and the link in the second shows the data.
    """
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter)
    campaign = make_campaign(newsletter)
    campaigns.send(campaign)
    composer = Composer(db.session(), campaign)
    tokens = []

    for changed_at in (None, utcnow().replace(microsecond=999_999)):
        recipient.address_changed_at = changed_at
        db.session.commit()
        with db.engine.begin() as connection:
            claimed = claims.claim(connection, campaign.id, 1)
            assert claimed is not None
            (claim,) = claims.hold(connection, claimed.batch_id)
            claims.settle(connection, [Outcome(claim, DeliveryState.QUEUED, tried=False)])
        content = b"".join(composer.letter(claim).content).replace(b"=\r\n", b"").decode()
        tokens += re.findall(r"/me/([\w-]+)", content)[:1]

    with pytest.raises(Expired):
        access.by_any(tokens[0])
    assert access.by_any(tokens[1]) == recipient.link_key
    at_once = links.not_before(recipient.address_changed_at)
    assert access.by_any(links.preferences_token(recipient.link_key, at_once)) == recipient.link_key


def test_forgetting_the_new_address_drops_the_mail_that_waits_for_it(client: FlaskClient) -> None:
    client.post(mailed(make_recipient(email=OLD)), data={"email": NEW})
    assert count(OutboxMail) == 1

    assert outbox.drop_mail_with(NEW) == 1
