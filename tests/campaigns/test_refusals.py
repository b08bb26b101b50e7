"""Who does not exist is removed; when the relay refuses us, nobody is, and staff are told what to do."""

from collections.abc import Callable

import pytest
from flask import Flask

from newsletter.campaigns import faults, life, refusals, replies, service, sweep, unsubscribes
from newsletter.campaigns.breaker import Breaker
from newsletter.campaigns.counts import counts
from newsletter.campaigns.held import Claim, Outcome
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState, Refusal
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.privacy.models import Receipt
from newsletter.recipients import moving
from newsletter.recipients.models import Departure, Newsletter, Recipient
from tests.factories import make_campaign, make_newsletter, make_recipient, make_recipients
from tests.sink import Sink

RunJobs = Callable[[], int]
GONE = "gone@example.org"


def sent(newsletter: Newsletter, run_jobs: RunJobs) -> Campaign:
    campaign = make_campaign(newsletter)
    service.send(campaign)
    run_jobs()
    db.session.refresh(campaign)
    return campaign


def test_an_address_that_does_not_exist_is_removed_and_its_fate_stays(
    app: Flask, sink: Sink, run_jobs: RunJobs
) -> None:
    newsletter = make_newsletter()
    gone = make_recipient(newsletter, GONE)
    receipt_id, recipient_id = gone.receipt_id, gone.id
    make_recipients(newsletter, 6)
    sink.refuse("550 5.1.1 no such user", address=GONE)

    campaign = sent(newsletter, run_jobs)

    assert db.session.query(Recipient).filter_by(id=recipient_id).count() == 0
    row = db.session.query(Delivery).filter_by(state="failed").one()
    assert (row.recipient_id, row.reply_status) == (None, "5.1.1")
    assert db.session.get_one(Receipt, receipt_id).close_reason == "bounce"
    assert [(left.way, left.number) for left in db.session.query(Departure)] == [("bounce", 1)]
    app.config["MEASUREMENT_MIN_GROUP"] = 1
    assert unsubscribes.number(campaign.id, delivered=0) == 0
    assert counts(campaign.id)["failed"] == 1


@pytest.mark.parametrize(
    ("phase", "reply"),
    [
        ("DOT", "550 5.1.1 no such user"),
        ("RCPT", "550 no such user"),
        ("RCPT", "552 5.2.2 mailbox full"),
        ("RCPT", "550 5.2.1 mailbox disabled"),
        ("RCPT", "450 4.1.1 perhaps later"),
    ],
)
def test_nothing_else_removes_anyone(app: Flask, sink: Sink, run_jobs: RunJobs, phase: str, reply: str) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, GONE)
    make_recipients(newsletter, 6)
    sink.refuse(reply, address=GONE, phase=phase)

    campaign = sent(newsletter, run_jobs)

    assert db.session.query(Recipient).count() == 7
    assert counts(campaign.id)["sent"] == 6


@pytest.mark.parametrize(
    ("phase", "reply", "reason"),
    [
        ("RCPT", "550 5.7.1 not from you", faults.REFUSES),
        ("RCPT", "530 5.7.0 authentication required", faults.LOGIN),
        ("RCPT", "550 5.1.8 sender's domain unknown", faults.SENDER),
        ("MAIL", "550 5.1.0 sender unknown", faults.SENDER),
        ("DOT", "552 5.3.4 message too big", faults.SIZE),
        ("MAIL", "552 too big", faults.SIZE),
    ],
)
def test_what_is_our_fault_pauses_with_its_reason_and_removes_nobody(
    app: Flask, sink: Sink, run_jobs: RunJobs, phase: str, reply: str, reason: str
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 6)
    sink.refuse(reply, phase=phase)

    campaign = sent(newsletter, run_jobs)

    assert campaign.state == CampaignState.PAUSED
    assert campaign.pause_reason is not None
    assert campaign.pause_reason.partition(":")[0] == reason
    assert faults.advise(campaign.pause_reason)
    assert db.session.query(Recipient).count() == 6


@pytest.mark.parametrize("number", [5, 30])
def test_when_everyone_is_said_not_to_exist_nobody_is_removed(
    app: Flask, sink: Sink, run_jobs: RunJobs, number: int
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, number)
    sink.refuse("550 5.1.1 no such user")

    campaign = sent(newsletter, run_jobs)
    sweep.sweep()
    run_jobs()

    assert db.session.query(Recipient).count() == number
    if number > 10:
        assert campaign.state == CampaignState.PAUSED
        assert campaign.pause_reason == f"{faults.FAILURES}: 550 5.1.1"
    assert db.session.query(Refusal).count() == 0, "or the sweep looks at them for ever"


def test_a_run_of_refusals_that_goes_over_two_slices_is_one(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    gone = make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter, last_outcomes=0b111111111)
    db.session.add(Refusal(recipient_id=gone[2].id, campaign_id=campaign.id, settled=0))
    db.session.commit()
    sink.refuse("550 5.1.1 no such user", times=1)

    service.send(campaign)
    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED
    assert campaign.last_outcomes == 0
    assert db.session.query(Refusal).count() == 0
    assert db.session.query(Recipient).count() == 3


def test_the_breaker_remembers_through_a_number(app: Flask) -> None:
    first = Breaker()
    failed = Outcome(Claim(1, 1, 1, 7, b"", None, b"", measured=False), DeliveryState.FAILED, 550, "5.1.1")
    for _ in range(6):
        first.note(failed, unknown=True)

    second = Breaker(first.memory)
    for _ in range(3):
        second.note(failed)
    with pytest.raises(faults.OurFault):
        second.note(failed)

    assert first.unknown() == [(7, ago) for ago in range(5, -1, -1)]


def test_a_refusal_waits_until_the_campaign_has_gone_on_well(app: Flask) -> None:
    newsletter = make_newsletter()
    (gone,) = make_recipients(newsletter, 1)
    campaign = make_campaign(newsletter, state=CampaignState.SENDING)

    refusals.note(campaign.id, [(gone.id, 49)])
    early = refusals.due(campaign.id)
    db.session.execute(db.text("UPDATE refusal SET settled = settled - 1"))
    db.session.commit()

    assert early == []
    assert [recipient_id for recipient_id, _key in refusals.due(campaign.id)] == [gone.id]


def test_a_refusal_of_an_address_that_was_changed_since_removes_nobody(
    app: Flask, sink: Sink, run_jobs: RunJobs
) -> None:
    newsletter = make_newsletter()
    moved = make_recipient(newsletter, GONE)
    make_recipients(newsletter, 3)
    make_recipient(newsletter, "later@example.org")
    sink.refuse("550 5.1.1 no such user", address=GONE)
    sink.refuse("451 4.3.0 later", address="later@example.org")
    campaign, moved_id = sent(newsletter, run_jobs), moved.id
    assert campaign.state == CampaignState.SENDING

    wish = {"wish": b"w" * 32, "requested_at": utcnow(), "mailed_at": None}
    assert moving.move(moved, "new@example.org", **wish)
    db.session.commit()
    life.move(campaign.id, of=[CampaignState.SENDING], to=CampaignState.CANCELLED)
    db.session.commit()
    sweep.sweep()
    run_jobs()

    assert db.session.query(Recipient).filter_by(id=moved_id).count() == 1


def test_with_two_hard_bounces_the_second_campaign_removes(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    app.config["HARD_BOUNCES"] = 2
    newsletter = make_newsletter()
    make_recipient(newsletter, GONE)
    make_recipients(newsletter, 3)
    sink.refuse("550 5.1.1 no such user", address=GONE)

    left = []
    for _ in range(2):
        sent(newsletter, run_jobs)
        left.append(db.session.query(Recipient).count())

    assert left == [4, 3]


def test_a_relay_that_stays_away_is_left_alone_for_longer_each_time(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    sink.stop()
    service.send(campaign)
    rest = "SELECT round(extract(epoch FROM not_before - updated_at)) FROM campaign"
    rests = []

    for _ in range(3):
        run_jobs()
        sweep.sweep()
        assert queues.waiting(queues.CAMPAIGNS) == 0
        db.session.execute(db.text("UPDATE campaign SET updated_at = now()"))
        rests.append(int(db.session.execute(db.text(rest)).scalar_one()))
        db.session.execute(db.text("UPDATE campaign SET not_before = now()"))
        db.session.commit()
        sweep.sweep()
    sink.start()
    run_jobs()

    db.session.refresh(campaign)
    assert 3 <= rests[0] < rests[1] < rests[2] <= 20
    assert counts(campaign.id)["sent"] == 2
    assert (campaign.setbacks, campaign.not_before) == (0, None)


def test_workers_that_meet_the_same_outage_are_one_setback(app: Flask) -> None:
    campaign = make_campaign(state=CampaignState.SENDING)

    for _ in range(3):
        life.set_back(campaign.id)

    db.session.refresh(campaign)
    assert campaign.setbacks == 1


def test_the_last_reply_of_each_kind_is_kept_without_its_text(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, GONE)
    make_recipients(newsletter, 6)
    sink.refuse(f"450 4.2.1 {GONE} is busy", address=GONE)

    campaign = sent(newsletter, run_jobs)

    found = replies.latest(campaign.id)
    assert {(said.code, said.status, said.meaning) for said in found} == {
        (250, "2.0.0", "taken"),
        (450, "4.2.1", "not now; it is tried again"),
    }
