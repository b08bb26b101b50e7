"""Ten thousand recipients, a hundred thousand, a million: the rate should stay, and so should the memory."""

import time
from statistics import median

from bench import product
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from bench.product import Run
from bench.relays import smtp_sink
from newsletter.campaigns.counts import counts
from newsletter.core.db import db

CONNECTIONS = 4
TIMES = 3


def measure(bench: Bench) -> list[Figure]:
    """Measure this section: small, middle, large, middle, small, all on the same database."""
    large = bench.largest
    middle, small = large // 10, large // 100
    for size in (small, middle, large):
        bench.crowd(size)
    runs: dict[int, list[Run]] = {small: [], middle: [], large: []}
    for size in (small, middle, large, middle, small):
        runs[size].append(_run(bench, size))
    return _figures(runs, small, middle, large)


def _run(bench: Bench, size: int) -> Run:
    with smtp_sink() as relay:
        found = product.send(bench.installation, relay, bench.crowd(size), CONNECTIONS)
    more = f"worker {found.worker:.0f}, PostgreSQL {found.database:.0f} µs/mail, peak {found.peak:.0f} MB"
    bench.say(f"{size:,} recipients: {found.rate:,.0f} mails/s, started in {found.start_seconds:.1f} s, {more}")
    return found


def _figures(runs: dict[int, list[Run]], small: int, middle: int, large: int) -> list[Figure]:
    rates = {size: median(run.rate for run in found) for size, found in runs.items()}
    peaks = {size: max(run.peak for run in found) for size, found in runs.items()}
    costs = {size: median(run.worker + run.database for run in found) for size, found in runs.items()}
    details = []
    for size, found in runs.items():
        details += [
            Figure(f"{size:,} recipients, {CONNECTIONS} connections", rates[size], "mails/s"),
            Figure(f"{size:,} recipients: worker", median(run.worker for run in found), "µs/mail"),
            Figure(f"{size:,} recipients: PostgreSQL", median(run.database for run in found), "µs/mail"),
            Figure(f"{size:,} recipients: peak memory", peaks[size], "MB"),
            Figure(f"{size:,} recipients: starting the campaign", median(run.start_seconds for run in found), "s"),
        ]
    return [
        Figure(f"mails/s at {large:,} recipients : at {middle:,}", rates[large] / rates[middle], "x", 0.95),
        Figure(f"worker's peak memory, {large:,} recipients", peaks[large], "MB", 110.0, at_most=True),
        Figure(f"the same, more than at {small:,}", peaks[large] - peaks[small], "MB", 5.0, at_most=True),
        Figure(f"processor time of worker and PostgreSQL, {large:,} : {middle:,}", costs[large] / costs[middle], "x"),
        Figure(f"counts of a campaign to {large:,}", _counting(runs[large][0].campaign_id) * 1000, "ms"),
        *details,
    ]


def _counting(campaign_id: int) -> float:
    """Return the seconds that the counts by state take, at their best."""
    seconds = []
    for _time in range(TIMES):
        start = time.monotonic()
        counts(campaign_id)
        db.session.rollback()
        seconds.append(time.monotonic() - start)
    return min(seconds)


if __name__ == "__main__":
    run({"growth": measure})
