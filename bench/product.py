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


@dataclass(frozen=True)
class Run:
    """What one run came to. Processor time is in microseconds a mail; memory in 10^6 octets."""

    mails: int
    seconds: float
    worker: float
    database: float
    relay: float
    peak: float
    start_seconds: float = 0.0

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
    with product.worker(relay.port, connections) as worker:
        pids = (worker.process.pid, product.postgres_pid, relay.pid)
        asked = time.monotonic()
        idle = proc.processor_seconds(pids[0])
        service.send(campaign)
        rung_at = _database_time()
        start_seconds = time.monotonic() - asked
        before = [idle, *map(proc.processor_seconds, pids[1:])]
        peak = _watch(campaign.id, worker.process.pid, crowd.number / slowest + PATIENCE_SECONDS)
        used = [proc.processor_seconds(pid) - start for pid, start in zip(pids, before, strict=True)]
    found = counts(campaign.id)
    db.session.rollback()
    assert found["sent"] == found["audience"] == crowd.number, f"not all were sent: {found}"
    seconds = (_finished_at(campaign.id) - rung_at).total_seconds()
    each = [microseconds * 1e6 / crowd.number for microseconds in used]
    return Run(crowd.number, seconds, *each, peak=peak, start_seconds=start_seconds)


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
