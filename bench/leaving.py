"""Leaving while a campaign is being sent at full speed to the newsletter that one leaves."""

import time
from pathlib import Path

from bench import product, visits
from bench.bench import Bench
from bench.figures import Figure
from bench.load import Answers
from bench.relays import smtp_sink
from newsletter.campaigns import service
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core.db import db

FASTEST = 15_000
"""More mails a second are not expected. No more recipients than needed: so some leave who are just being mailed."""
CONNECTIONS, VISITORS = 4, 4
A_SECOND = 2_000
UNDER_WAY = 0.02


def measure(bench: Bench, folder: Path) -> list[Figure]:
    """Start a campaign, let people leave for some seconds, cancel what is left of it."""
    crowd = bench.crowd(FASTEST * (bench.seconds + 1))
    campaign = product.draft(crowd)
    people = visits.departures(folder, crowd, min(A_SECOND * bench.seconds, crowd.number // 2), campaign.id)
    with smtp_sink() as relay, bench.installation.web() as web, bench.installation.worker(relay.port, CONNECTIONS):
        service.send(campaign)
        before = _under_way(campaign)
        start = time.monotonic()
        answers = people.send(web.port, VISITORS, bench.seconds)
        rate = (_sent(campaign) - before) / (time.monotonic() - start)
        _cancel(campaign)
    bench.say(f"unsubscribe: p99 {answers.p99:.0f} ms, {answers.rate:,.0f} requests/s, beside {rate:,.0f} mails/s")
    return _figures(answers, rate)


def _figures(answers: Answers, rate: float) -> list[Figure]:
    name = "unsubscribe while a campaign runs"
    return [
        Figure(f"{name}, p99", answers.p99 / 1000, "s", 1.5, at_most=True),
        Figure(f"{name}, p50", answers.p50 / 1000, "s"),
        Figure(f"{name}, {VISITORS} connections", answers.rate, "requests/s"),
        Figure(f"{name}: the campaign meanwhile", rate, "mails/s"),
    ]


def _under_way(campaign: Campaign) -> int:
    """Wait until mails go out; return how many have gone."""
    deadline = time.monotonic() + product.PATIENCE_SECONDS
    while (sent := _sent(campaign)) == 0:
        assert time.monotonic() < deadline, "no mail goes out"
        time.sleep(UNDER_WAY)
    return sent


def _sent(campaign: Campaign) -> int:
    found = counts(campaign.id)
    db.session.rollback()
    return found["sent"]


def _cancel(campaign: Campaign) -> None:
    db.session.refresh(campaign)
    assert campaign.state == CampaignState.SENDING, "the campaign ended too early"
    service.cancel(campaign)
