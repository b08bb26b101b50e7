"""One campaign through the whole product: claims, locks, rows, one worker of the Procfile, and what it used."""

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bench import issue, proc
from bench.installation import Installation
from bench.people import Crowd
from bench.relays import Relay
from newsletter.campaigns import service
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core.db import db
from newsletter.recipients.models import Newsletter

LOOK_SECONDS = 0.2
SLOWEST = 20.0
"""Mails a second below which a run is given up."""
PATIENCE_SECONDS = 60.0
SETTLE_SECONDS = 3.0
"""A worker that has just started does all its periodic work at once; one that is up for longer does not."""


@dataclass(frozen=True)
class Run:
    """What one run came to. Processor time is in microseconds a mail; memory in 10^6 octets."""

    campaign_id: int
    mails: int
    seconds: float
    worker: float
    database: float
    relay: float
    peak: float
    start_seconds: float
    """How long starting it took: mostly the snapshot of the audience."""

    @property
    def rate(self) -> float:
        """Mails a second, from the bell to the campaign's end."""
        return self.mails / self.seconds


def draft(crowd: Crowd, octets: int = issue.OCTETS) -> Campaign:
    """Store a campaign to the crowd."""
    newsletter = db.session.get_one(Newsletter, crowd.newsletter_id)
    text = issue.markdown(octets)
    return service.create(newsletter, {"subject": issue.SUBJECT, "preheader": issue.PREHEADER, "markdown": text})


def send(product: Installation, relay: Relay, crowd: Crowd, connections: int, slowest: float = SLOWEST) -> Run:
    """Send a campaign to the crowd with one fresh worker; every recipient must come out as sent."""
    campaign = draft(crowd)
    with product.worker(relay.port, connections) as process:
        time.sleep(SETTLE_SECONDS)
        pids = (process.process.pid, product.postgres_pid, relay.pid)
        idle, asked = proc.processor_seconds(pids[0]), time.monotonic()
        service.send(campaign)
        rung_at, start_seconds = _database_time(), time.monotonic() - asked
        # The database's share is that of sending; taking the snapshot of the audience has a figure of its own.
        before = [idle, *map(proc.processor_seconds, pids[1:])]
        peak = _watch(campaign.id, pids[0], crowd.number / slowest + PATIENCE_SECONDS)
        used = [proc.processor_seconds(pid) - start for pid, start in zip(pids, before, strict=True)]
    found = counts(campaign.id)
    db.session.rollback()
    assert found["sent"] == found["audience"], f"not all were sent: {found}"
    seconds = (_finished_at(campaign.id) - rung_at).total_seconds()
    worker, database, sink = (total * 1e6 / found["sent"] for total in used)
    return Run(campaign.id, found["sent"], seconds, worker, database, sink, peak, start_seconds)


def _watch(campaign_id: int, worker_pid: int, patience: float) -> float:
    """Wait for the end of the campaign; return the most that the worker occupied."""
    deadline, peak = time.monotonic() + patience, 0.0
    while _state(campaign_id) == CampaignState.SENDING:
        assert time.monotonic() < deadline, f"the campaign does not end: {counts(campaign_id)}"
        peak = max(peak, proc.peak_megabytes(worker_pid))
        time.sleep(LOOK_SECONDS)
    return max(peak, proc.peak_megabytes(worker_pid))


def _state(campaign_id: int) -> CampaignState:
    state = db.session.execute(select(Campaign.state).where(Campaign.id == campaign_id)).scalar_one()
    db.session.rollback()
    return state


def _database_time() -> datetime:
    now: datetime = db.session.execute(db.text("SELECT clock_timestamp()")).scalar_one()
    db.session.rollback()
    return now


def _finished_at(campaign_id: int) -> datetime:
    finished = db.session.execute(select(Campaign.finished_at).where(Campaign.id == campaign_id)).scalar_one()
    db.session.rollback()
    assert finished is not None, "the campaign was paused"
    return finished
