"""Pages: the pixel and the redirect, signing up, confirming, leaving, on the Procfile's server.

Beside a hello that does nothing on the same server with the same options, in turn (A B A B).
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import delete

from bench import leaving, proc, visits
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from bench.installation import Web
from bench.load import Answers, Requests
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from newsletter.tracking import buffer
from newsletter.tracking.report import report

HELLO = "bench.hello:create_app"
MANY, SOME = 64, 16
A_SECOND = 2_500
"""More sign-ups than this a second are not expected."""
VISITORS = 1_000
WARM_SECONDS = 1


@dataclass(frozen=True)
class Visit:
    """What came of some requests, and the processor time of server and database, in microseconds a request."""

    answers: Answers
    server: float
    database: float


class Visits:
    """Sends requests to the service and to hello."""

    def __init__(self, bench: Bench, ours: Web, hello: Web) -> None:
        self._bench = bench
        self._ours, self._hello = ours, hello
        self._folder = folder_of(bench)
        self._hellos = visits.hellos(self._folder)

    def tracking(self) -> list[Figure]:
        """Measure the pixel and the redirect, in turn with hello."""
        campaign_id = visits.measured_campaign(self._bench.crowd(VISITORS))
        kinds = dict(zip(("pixel", "redirect"), visits.opened(self._folder, campaign_id), strict=True))
        found: dict[str, list[Visit]] = {name: [] for name in ("hello", *kinds)}
        for _round in range(self._bench.rounds):
            for name, requests in kinds.items():
                found["hello"].append(self._send(self._hello, self._hellos, MANY))
                found[name].append(self._send(self._ours, requests, MANY))
                _drain()
        figures = report(campaign_id, delivered=2 * visits.PEOPLE)
        db.session.rollback()
        assert (figures.opens.unique, figures.clicks.unique) == (visits.PEOPLE, visits.PEOPLE), "events were lost"
        # Each with the hello that went just before it.
        turns = {name: found["hello"][turn :: len(kinds)] for turn, name in enumerate(kinds)}
        goals = [figure for name in kinds for figure in _compared(name, found[name], turns[name])]
        return [*goals, *(figure for name, each in found.items() for figure in _details(name, MANY, each))]

    def acts(self) -> list[Figure]:
        """Measure signing up, confirming and leaving, beside a hello at one connection."""
        number = A_SECOND * self._bench.seconds * 2
        large, small = self._bench.crowd(self._bench.largest), self._bench.crowd(VISITORS)
        alone = self._send(self._hello, self._hellos, 1)
        name = f"unsubscribe at {large.number:,} recipients"
        departures = visits.departures(self._folder, large, min(number, large.number // 2))
        return [
            *_details("hello", 1, [alone]),
            *self._act("sign-up", visits.sign_ups(self._folder, small, number), 2.0),
            *self._act("confirmation", visits.confirmations(self._folder, small, number), None),
            *self._act(name, departures, 1.5),
        ]

    def _act(self, name: str, requests: Requests, goal: float | None) -> list[Figure]:
        """Send over one connection, for the time that the server takes, then over several, for what it bears."""
        requests.send(self._ours.port, 1, WARM_SECONDS)
        alone, together = self._send(self._ours, requests, 1), self._send(self._ours, requests, SOME)
        self._bench.say(f"{name}: p50 {alone.answers.p50:.2f} ms alone, {together.answers.rate:,.0f}/s together")
        _forget_mail()
        first = Figure(f"{name}, p50 at one connection", alone.answers.p50, "ms", goal, at_most=True)
        return [first, *_details(name, 1, [alone]), *_details(name, SOME, [together])]

    def _send(self, web: Web, requests: Requests, connections: int) -> Visit:
        pids = (web.pid, self._bench.installation.postgres_pid)
        before = [proc.processor_seconds(pid) for pid in pids]
        answers = requests.send(web.port, connections, self._bench.seconds)
        server, database = (proc.processor_seconds(pid) - start for pid, start in zip(pids, before, strict=True))
        self._bench.say(f"{requests.path.name}, {connections} connections: {answers.rate:,.0f} requests/s")
        return Visit(answers, server / answers.requests * 1e6, database / answers.requests * 1e6)


def _compared(name: str, ours: list[Visit], hello: list[Visit]) -> list[Figure]:
    pairs = list(zip(ours, hello, strict=True))
    rate = median(our.answers.rate / least.answers.rate for our, least in pairs)
    p99 = median(visit.answers.p99 for visit in ours)
    return [
        Figure(f"{name}, requests/s : hello", rate, "x", 0.7),
        Figure(f"{name}, p99 at {MANY} connections", p99, "ms", 10.0, at_most=True),
        Figure(f"{name}, processor time : hello", median(our.server / least.server for our, least in pairs), "x"),
    ]


def _details(name: str, connections: int, found: list[Visit]) -> list[Figure]:
    words = f"{name}, {connections} connection{'s' if connections > 1 else ''}"
    return [
        Figure(words, median(visit.answers.rate for visit in found), "requests/s"),
        Figure(f"{words}: p50", median(visit.answers.p50 for visit in found), "ms"),
        Figure(f"{words}: p99", median(visit.answers.p99 for visit in found), "ms"),
        Figure(f"{words}: server", median(visit.server for visit in found), "µs/request"),
        Figure(f"{words}: PostgreSQL", median(visit.database for visit in found), "µs/request"),
    ]


def _drain() -> None:
    """Count what was noted, as a worker would: the list in Redis takes a million."""
    while buffer.drain(settle_seconds=0):
        pass


def _settle() -> None:
    """Clear up now after the campaigns of other sections, as PostgreSQL would for minutes, beside what is timed.

    What it wrote is on the disk by the time the first page is asked for that writes.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")


def _forget_mail() -> None:
    """Take back the mail that was asked for: no worker is to be busy with it later."""
    db.session.execute(delete(OutboxMail))
    db.session.commit()
    queues.queue(queues.MAIL).delete(delete_jobs=True)


def folder_of(bench: Bench) -> Path:
    """Return where the requests lie that wrk sends."""
    folder = bench.installation.home / "requests"
    folder.mkdir(exist_ok=True)
    return folder


def measure(bench: Bench) -> list[Figure]:
    """Measure this section."""
    _settle()
    with bench.installation.web() as ours, bench.installation.web(HELLO) as hello:
        sent = Visits(bench, ours, hello)
        found = [*sent.tracking(), *sent.acts()]
    return [*found, *leaving.measure(bench, folder_of(bench))]


if __name__ == "__main__":
    run({"web": measure})
