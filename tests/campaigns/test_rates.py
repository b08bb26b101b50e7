"""Mails per second: one allowance for all workers, smooth, and one for each receiving domain that has a limit."""

import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask

from newsletter.campaigns import jobs, rates, service
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Allowance, Delivery
from newsletter.config import Settings
from newsletter.core import queues
from newsletter.core.db import db
from tests.factories import make_campaign, make_newsletter, make_recipient, make_recipients
from tests.sink import Sink

RunJobs = Callable[[], int]
SLOW_DOMAIN = "slow.example"


def draw(campaign_id: int, wanted: int = 1000, together: int = 0) -> rates.Drawn:
    with db.engine.begin() as connection:
        return rates.draw(connection, campaign_id, wanted, together)


def let_pass(seconds: float) -> None:
    db.session.execute(db.text(f"UPDATE allowance SET refilled_at = refilled_at - interval '{seconds} s'"))
    db.session.commit()


def test_without_a_limit_everything_may_go_and_nothing_is_kept(app: Flask) -> None:
    campaign = make_campaign()

    drawn = draw(campaign.id)

    assert drawn == (1000, 0)
    assert db.session.query(Allowance).count() == 0


def test_a_worker_draws_half_a_second_at_most_and_all_of_them_one_second_at_once(app: Flask) -> None:
    campaign = make_campaign(make_newsletter(mails_per_second=1000))
    draw(campaign.id)
    let_pass(60)

    began = time.monotonic()
    drawn = [draw(campaign.id) for _ in range(4)]

    assert max(part.number for part in drawn) <= 500
    assert sum(part.number for part in drawn) <= 1000 * (1 + time.monotonic() - began)
    assert sum(part.number for part in drawn) >= 1000


def test_an_empty_allowance_says_when_to_ask_again(app: Flask) -> None:
    campaign = make_campaign(make_newsletter(mails_per_second=2))
    assert [draw(campaign.id).number for _ in range(2)] == [1, 1]

    empty = draw(campaign.id)
    let_pass(0.5)
    later = draw(campaign.id)

    assert empty.number == 0
    assert 0 < empty.seconds <= 0.5
    assert later.number == 1


def test_the_tightest_of_two_limits_counts(app: Flask) -> None:
    campaign = make_campaign(make_newsletter(mails_per_second=100))
    other = make_campaign(make_newsletter(mails_per_second=100))

    assert draw(campaign.id, together=10).number == 5
    assert draw(other.id, together=10).number == 5
    assert draw(campaign.id, together=10).number == 0
    assert draw(campaign.id).number == 50


def test_workers_that_draw_at_the_same_moment_share_one_allowance(app: Flask) -> None:
    campaign_id, engine = make_campaign(make_newsletter(mails_per_second=100)).id, db.engine
    drawn: list[int] = []

    def work() -> None:
        for _ in range(30):
            with engine.begin() as connection:
                drawn.append(rates.draw(connection, campaign_id, 1000, 0).number)

    began = time.monotonic()
    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert 75 <= sum(drawn) <= 100 * (1 + time.monotonic() - began)


def test_an_idle_allowance_is_forgotten(app: Flask) -> None:
    draw(make_campaign(make_newsletter(mails_per_second=10)).id)
    let_pass(2 * 3600)
    draw(make_campaign(make_newsletter(mails_per_second=10)).id)

    rates.forget_idle()

    assert db.session.query(Allowance).count() == 1


def test_a_limited_campaign_goes_on_by_itself_and_not_faster_than_it_may(sink: Sink, app: Flask) -> None:
    newsletter = make_newsletter(mails_per_second=8)
    make_recipients(newsletter, 20)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    queues.redis().flushdb()  # or the job would end soon, because a bell is waiting

    began = time.monotonic()
    jobs.send_campaign(campaign.id)

    db.session.rollback()
    assert counts(campaign.id)["sent"] == len(sink.mails) == 20
    clocks = sorted(mail.clock for mail in sink.mails)
    assert all(number <= 8 * (clock - began + 1) + 1 for number, clock in enumerate(clocks, 1))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings | {"MAILS_PER_SECOND_BY_DOMAIN": {SLOW_DOMAIN: 3}}


def test_a_limited_domain_waits_and_holds_up_no_other(sink: Sink, app: Flask, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    for number in range(9):
        make_recipient(newsletter, f"person-{number}@{SLOW_DOMAIN}")
    make_recipients(newsletter, 20)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    began = time.monotonic()
    run_jobs()

    assert counts(campaign.id)["sent"] == len(sink.mails) == 29
    slow = sorted(mail.clock for mail in sink.mails if mail.to[0].endswith(SLOW_DOMAIN))
    assert all(number <= 3 * (clock - began + 1) + 1 for number, clock in enumerate(slow, 1))
    assert sum(mail.clock < slow[-1] for mail in sink.mails if not mail.to[0].endswith(SLOW_DOMAIN)) == 20


def test_waiting_for_a_domain_is_no_deferral_and_no_attempt(sink: Sink, app: Flask, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    for number in range(6):
        make_recipient(newsletter, f"person-{number}@{SLOW_DOMAIN}")
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()

    rows = db.session.query(Delivery).all()
    assert {(row.state, row.attempt, row.deferrals, row.deferred_since) for row in rows} == {("sent", 1, 0, None)}


def test_what_waits_for_a_domain_comes_back_one_after_the_other(sink: Sink, app: Flask) -> None:
    with db.engine.begin() as connection:
        ends = [rates.book(connection, 1, SLOW_DOMAIN, 30, 3) for _ in range(3)]

    assert ends == sorted(ends)
    assert 25 < ends[2] <= 30
