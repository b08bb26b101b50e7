"""P8: for every recipient of a campaign there is one row with one fate, also when its sender is killed."""

import signal
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask

from newsletter.campaigns import service, sweep
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, Delivery, DeliveryState
from newsletter.core.db import db
from newsletter.recipients import service as recipients
from tests.factories import make_campaign, make_newsletter, make_recipient, make_recipients
from tests.procfile import Processes
from tests.sink import Sink

AUDIENCE = 300


def fates(campaign: Campaign) -> dict[str, int]:
    """Return the fates that somebody has, having seen that they add up, and are those of the rows."""
    db.session.rollback()
    found = counts(campaign.id)
    rows = Counter(state for (state,) in db.session.query(Delivery.state).filter_by(campaign_id=campaign.id))
    audience = found.pop("audience")
    assert sum(found.values()) == rows.total() == audience
    assert {state: number for state, number in found.items() if number} == rows
    return dict(rows)


def test_every_recipient_has_one_row_with_one_fate_whatever_the_relay_says(
    app: Flask, sink: Sink, run_jobs: Callable[[], int]
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    for name, reply in (("gone", "550 5.1.1 no such user"), ("later", "450 4.2.1 later")):
        make_recipient(newsletter, f"{name}@example.org", with_receipt=False)
        sink.refuse(reply, address=f"{name}@example.org")
    make_recipient(newsletter, "doubt@example.org", with_receipt=False)
    sink.drop("DOT", address="doubt@example.org", times=1, keep=True)
    leaving = make_recipient(newsletter, "leaving@example.org").link_key
    campaign = make_campaign(newsletter)

    service.send(campaign)
    before = fates(campaign)
    recipients.erase(leaving, way="page")
    run_jobs()

    assert before == {"queued": 9}
    assert fates(campaign) == {"sent": 5, "failed": 1, "deferred": 1, "in_doubt": 1, "skipped": 1}
    assert db.session.query(Delivery.recipient_id).filter(Delivery.recipient_id.is_not(None)).distinct().count() == 8
    assert Counter(mail.to[0] for mail in sink.mails).most_common(1)[0][1] == 1


@pytest.mark.timeout(120)
def test_killing_the_worker_in_the_middle_loses_nobody_and_repeats_nobody(
    app: Flask, sink: Sink, make_processes: Processes, run_jobs: Callable[[], int]
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, AUDIENCE)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    worker = make_processes.start("worker")
    sink.wait(20)
    sink.hold("DOT")

    make_processes.kill(worker, signal.SIGKILL)
    in_the_middle = fates(campaign)
    sink.behave()
    db.session.execute(db.text("UPDATE batch SET lease_until = now() - interval '1 second'"))
    db.session.commit()
    sweep.sweep()
    run_jobs()

    found = fates(campaign)
    delivered = Counter(mail.to[0] for mail in sink.mails)
    assert in_the_middle.get("sent", 0) < AUDIENCE
    assert set(found) <= {"sent", "in_doubt"}
    assert found.get("in_doubt", 0) <= 32 * app.config["SENDING_CONNECTIONS"]
    assert max(delivered.values()) == 1
    assert found["sent"] <= delivered.total() <= AUDIENCE


def test_what_is_in_doubt_is_sent_again_by_staff_alone_and_under_the_same_name(
    app: Flask, sink: Sink, run_jobs: Callable[[], int]
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    sink.drop("DOT", times=1, keep=True)
    service.send(campaign)
    run_jobs()
    for _time in range(3):
        sweep.sweep()
        run_jobs()
    doubtful = fates(campaign)

    service.resend_in_doubt(campaign)
    run_jobs()

    ids = Counter(mail.message["Message-ID"] for mail in sink.mails)
    assert doubtful == {"sent": 2, "in_doubt": 1}
    assert fates(campaign) == {str(DeliveryState.SENT): 3}
    assert sorted(ids.values()) == [1, 1, 2]
