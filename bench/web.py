"""Pages: the pixel and the redirect, signing up, confirming, leaving, on the Procfile's server.

Beside a hello that does nothing on the same server with the same options, in turn (A B A B).
"""

from pathlib import Path
from statistics import median

from sqlalchemy import delete

from bench import leaving, visits
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
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


def measure(bench: Bench) -> list[Figure]:
    """Measure this section."""
    folder = bench.installation.home / "requests"
    folder.mkdir(exist_ok=True)
    with bench.installation.web() as port, bench.installation.web(HELLO) as hello_port:
        found = [*_tracking(bench, folder, port, hello_port), *_acts(bench, folder, port, hello_port)]
    return [*found, *leaving.measure(bench, folder)]


def _tracking(bench: Bench, folder: Path, port: int, hello_port: int) -> list[Figure]:
    campaign_id = visits.measured_campaign(bench.crowd(VISITORS))
    kinds = dict(zip(("pixel", "redirect"), visits.opened(folder, campaign_id), strict=True))
    hello = visits.hellos(folder)
    answers: dict[str, list[Answers]] = {name: [] for name in ("hello", *kinds)}
    for _round in range(bench.rounds):
        for name, requests in kinds.items():
            answers["hello"].append(hello.send(hello_port, MANY, bench.seconds))
            answers[name].append(requests.send(port, MANY, bench.seconds))
            bench.say(f"hello {answers['hello'][-1].rate:,.0f}, {name} {answers[name][-1].rate:,.0f} requests/s")
            _drain()
    _check(campaign_id)
    limit = median(each.rate for each in answers["hello"])
    found = []
    for name in kinds:
        rate, p99 = (median(values) for values in zip(*((a.rate, a.p99) for a in answers[name]), strict=True))
        found.append(Figure(f"{name}, requests/s : hello", rate / limit, "x", 0.7))
        found.append(Figure(f"{name}, p99 at {MANY} connections", p99, "ms", 10.0, at_most=True))
    return [*found, *(figure for name, each in answers.items() for figure in _details(name, MANY, each))]


def _drain() -> None:
    """Count what was noted, as a worker would: the list in Redis takes a million."""
    while buffer.drain():
        pass


def _check(campaign_id: int) -> None:
    figures = report(campaign_id)
    db.session.rollback()

    assert (figures.opens.unique, figures.clicks.unique) == (visits.PEOPLE, visits.PEOPLE), "events were lost"


def _acts(bench: Bench, folder: Path, port: int, hello_port: int) -> list[Figure]:
    number = A_SECOND * bench.seconds * 2
    crowd, small = bench.crowd(bench.largest), bench.crowd(VISITORS)
    hello = visits.hellos(folder)
    found = [*_details("hello", 1, [hello.send(hello_port, 1, bench.seconds)])]
    found += _act(bench, "sign-up", visits.sign_ups(folder, small, number), port, 2.0)
    found += _act(bench, "confirmation", visits.confirmations(folder, small, number), port, None)
    name = f"unsubscribe at {crowd.number:,} recipients"
    leaving_now = visits.departures(folder, crowd, min(number, crowd.number // 2))
    return found + _act(bench, name, leaving_now, port, 1.5)


def _act(bench: Bench, name: str, requests: Requests, port: int, goal: float | None) -> list[Figure]:
    """Send over one connection, for the time that the server takes, then over several, for what it bears."""
    requests.send(port, 1, 1)
    alone, together = requests.send(port, 1, bench.seconds), requests.send(port, SOME, bench.seconds)
    bench.say(f"{name}: p50 {alone.p50:.2f} ms alone; {together.rate:,.0f} requests/s at {SOME} connections")
    _forget_mail()
    first = Figure(f"{name}, p50 at one connection", alone.p50, "ms", goal, at_most=True)
    return [first, Figure(f"{name}, p99 at one connection", alone.p99, "ms"), *_details(name, SOME, [together])]


def _forget_mail() -> None:
    """Take back the mail that was asked for: no worker is to be busy with it later."""
    db.session.execute(delete(OutboxMail))
    db.session.commit()
    queues.queue(queues.MAIL).delete(delete_jobs=True)


def _details(name: str, connections: int, answers: list[Answers]) -> list[Figure]:
    rate, p50, p99 = (median(values) for values in zip(*((a.rate, a.p50, a.p99) for a in answers), strict=True))
    words = f"{name}, {connections} connections"
    return [Figure(words, rate, "requests/s"), Figure(f"{words}: p50", p50, "ms"), Figure(f"{words}: p99", p99, "ms")]


if __name__ == "__main__":
    run({"web": measure})
