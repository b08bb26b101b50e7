"""A campaign through the processes of the Procfile, while the relay misbehaves and workers are killed (P8)."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask

from newsletter.campaigns import service
from newsletter.campaigns.counts import counts
from newsletter.core.db import db
from newsletter.mail import address
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
