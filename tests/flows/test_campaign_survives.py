"""A campaign through the processes of the Procfile, while the relay misbehaves and workers are killed (P8)."""

import random
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from newsletter.campaigns import service
from newsletter.campaigns.counts import counts
from newsletter.core.db import db, utcnow
from newsletter.core.queues import redis
from newsletter.mail import address
from newsletter.recipients.links import unsubscribe_url
from newsletter.recipients.models import Recipient
from tests.factories import make_campaign, make_newsletter, make_recipients
from tests.procfile import Processes
from tests.sink import Sink


def now(campaign_id: int) -> dict[str, int]:
    db.session.rollback()
    found = counts(campaign_id)
    states = sum(number for state, number in found.items() if state != "audience")
    assert states == found["audience"], "the sums agree at every moment"
    return found


def until(done: Callable[[], bool], seconds: float, log: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, log()
        time.sleep(0.1)


@pytest.mark.timeout(240)
def test_three_workers_one_killed_and_a_bad_relay_lose_nobody_and_mail_nobody_twice(
    app: Flask, sink: Sink, make_processes: Processes
) -> None:
    newsletter = make_newsletter()
    recipients = make_recipients(newsletter, 1000)
    campaign = make_campaign(newsletter)
    random.seed(20)
    for reply in ("550 5.1.1 no such user", "450 4.2.1 later"):
        for recipient in random.sample(recipients, 15):
            sink.refuse(reply, address=address.unseal(recipient.address_sealed or b""))
    sink.drop("MAIL", times=5)
    sink.drop("RCPT", times=5)
    sink.drop("DOT", times=3, keep=True)

    workers = [make_processes.start("worker") for _ in range(3)]
    service.send(campaign)
    until(lambda: len(sink.mails) > 150, 60, make_processes.log)
    make_processes.kill(workers[0], signal.SIGKILL)
    # The lease of the killed one must end before its rows are judged: the database's clock, not ours.
    db.session.execute(db.text("UPDATE batch SET lease_until = now() + interval '5 seconds'"))
    db.session.commit()
    until(lambda: now(campaign.id)["queued"] + now(campaign.id)["claimed"] == 0, 150, make_processes.log)

    found = now(campaign.id)
    assert found["audience"] == 1000
    assert found["skipped"] == 0
    twice = {to: number for to, number in Counter(mail.to[0] for mail in sink.mails).items() if number > 1}
    assert not twice
    assert found["in_doubt"] <= 3 + 32 * app.config["SENDING_CONNECTIONS"]
    assert found["sent"] <= len(sink.mails) <= found["sent"] + found["in_doubt"]


def test_sigterm_leaves_no_doubt_and_the_next_worker_goes_on(app: Flask, sink: Sink, make_processes: Processes) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 400)
    campaign = make_campaign(newsletter)

    worker = make_processes.start("worker")
    service.send(campaign)
    until(lambda: len(sink.mails) > 50, 60, make_processes.log)
    asked = time.monotonic()
    make_processes.kill(worker, signal.SIGTERM)

    assert time.monotonic() - asked < 10
    assert worker.process.returncode == 0
    assert now(campaign.id)["in_doubt"] == now(campaign.id)["claimed"] == 0

    make_processes.start("worker")
    until(lambda: now(campaign.id)["sent"] == 400, 60, make_processes.log)
    assert len(sink.mails) == 400


def test_redis_losing_everything_only_delays_a_campaign(app: Flask, sink: Sink, make_processes: Processes) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 300)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    redis().flushall()

    make_processes.start("worker")

    until(lambda: now(campaign.id)["sent"] == 300, 60, make_processes.log)
    assert len(sink.mails) == 300


def test_no_mail_starts_to_who_has_left_while_the_campaign_is_in_flight(
    app: Flask, sink: Sink, procfile: Processes
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 400)
    campaign = make_campaign(newsletter)
    leaving = db.session.query(Recipient).order_by(Recipient.id.desc()).limit(30).all()
    service.send(campaign)
    sink.wait(20)

    left: dict[str, float] = {}
    for recipient in leaving:
        to = address.unseal(recipient.address_sealed or b"")
        link = unsubscribe_url(recipient.link_key, campaign.id)
        body = b"List-Unsubscribe=One-Click"
        with urllib.request.urlopen(urllib.request.Request(link, data=body), timeout=20) as answer:
            assert answer.status == 200
        left[to] = time.monotonic()
    until(lambda: now(campaign.id)["queued"] + now(campaign.id)["claimed"] == 0, 60, procfile.log)

    assert now(campaign.id)["skipped"] > 0, "some left before their mail was due, or this test shows nothing"
    late = [mail.to[0] for mail in sink.mails if mail.clock > left.get(mail.to[0], float("inf"))]
    assert not late


@pytest.mark.timeout(240)
def test_staff_pause_resume_resend_and_cancel_a_campaign_that_three_workers_send_at_its_rate(
    app: Flask, sink: Sink, make_processes: Processes
) -> None:
    newsletter = make_newsletter(mails_per_second=25)
    make_recipients(newsletter, 400)
    campaign = make_campaign(newsletter)
    began = time.monotonic()
    service.send(campaign, utcnow() + timedelta(seconds=1))
    for _ in range(3):
        make_processes.start("worker")

    until(lambda: len(sink.mails) > 30, 60, make_processes.log)
    db.session.refresh(campaign)
    service.pause(campaign)
    until(lambda: now(campaign.id)["claimed"] == 0, 10, make_processes.log)
    paused_at = len(sink.mails)
    time.sleep(1)
    assert len(sink.mails) == paused_at, "a paused campaign sends nothing"

    service.resume(campaign)
    until(lambda: len(sink.mails) > paused_at + 30, 30, make_processes.log)
    db.session.execute(db.text("UPDATE delivery SET state = 'in_doubt' WHERE id IN (SELECT min(id) FROM delivery)"))
    assert service.resend_in_doubt(campaign) == 1
    until(lambda: now(campaign.id)["in_doubt"] == 0 and sum(repeated(sink).values()) == 1, 30, make_processes.log)

    service.cancel(campaign)
    until(lambda: now(campaign.id)["claimed"] + now(campaign.id)["queued"] == 0, 30, make_processes.log)

    found = now(campaign.id)
    assert found["sent"] + found["skipped"] == 400
    assert found["sent"] + 1 == len(sink.mails)
    assert all(number <= 25 * (mail.clock - began + 1) + 1 for number, mail in enumerate(sink.mails, 1))


def repeated(sink: Sink) -> dict[str, int]:
    """Return how many more mails than one each address got, if any."""
    return {to: number - 1 for to, number in Counter(mail.to[0] for mail in list(sink.mails)).items() if number > 1}
