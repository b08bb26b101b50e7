"""The whole product against smtp-source, Flask-Mail and smtplib: `python -m bench.sending --recipients 20000`.

All of them take turns (A B A B) at Postfix's smtp-sink with a message of the same length; medians count.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median
from typing import TypeVar

from bench import people, product, rivals
from bench.command import Progress, run
from bench.figures import Figure
from bench.installation import Installation
from bench.people import Crowd
from bench.product import Run
from bench.relays import smtp_sink
from bench.rivals import Sent
from bench.sample import Sample

T = TypeVar("T")
SESSIONS = (1, 4, 8, 16)
FLASK_MAIL_PART, SMTPLIB_PART = 50, 8
"""The slow ones send one in so many of the mails."""


class Sending:
    """What was measured: the product's runs by connections, smtp-source's by sessions, the others by name."""

    def __init__(self, installation: Installation, sample: Sample, crowd: Crowd, progress: Progress) -> None:
        self._installation, self._sample, self._crowd = installation, sample, crowd
        self._progress = progress
        self.ours: dict[int, list[Run]] = defaultdict(list)
        self.source: dict[int, list[Sent]] = defaultdict(list)
        self.others: dict[str, list[Sent]] = defaultdict(list)

    def round(self, connections: Iterable[int]) -> None:
        """Let everyone have a turn: ours and smtp-source alternately, then the slow ones."""
        theirs = list(SESSIONS)
        for number in connections:
            self._ours(number)
            if theirs:
                self._source(theirs.pop())
        for sessions in theirs:
            self._source(sessions)
        self._other("flask-mail", FLASK_MAIL_PART)
        self._other("smtplib", SMTPLIB_PART)

    def _ours(self, connections: int) -> None:
        with smtp_sink() as relay:
            found = product.send(self._installation, relay, self._crowd, connections)
        self.ours[connections].append(found)
        more = f"worker {found.worker:.0f}, PostgreSQL {found.database:.0f}, sink {found.relay:.0f} µs/mail"
        self._progress(f"newsletter, {connections} connections: {found.rate:,.0f} mails/s, {more}")

    def _source(self, sessions: int) -> None:
        with smtp_sink() as relay:
            found = rivals.smtp_source(relay, self._crowd.number, sessions, self._sample.payload)
        self.source[sessions].append(found)
        self._progress(f"smtp-source, {sessions} sessions: {found.rate:,.0f} mails/s, {found.processor:.0f} µs/mail")

    def _other(self, name: str, part: int) -> None:
        with smtp_sink() as relay:
            found = rivals.in_python(name, self._sample.folder, relay, max(100, self._crowd.number // part))
        self.others[name].append(found)
        self._progress(f"{name}: {found.rate:,.0f} mails/s, {found.processor:.0f} µs/mail")

    def figures(self) -> list[Figure]:
        """Return the medians, and how ours compare."""
        source = max(_median(runs, _rate) for runs in self.source.values())
        flask_mail = _median(self.others["flask-mail"], _rate)
        several = {number: runs for number, runs in self.ours.items() if number >= 4} or self.ours
        best = max(_median(runs, _rate) for runs in several.values())
        cost = max(_median(runs, lambda run: run.worker) for runs in several.values())
        peak = max(run.peak for runs in several.values() for run in runs)
        return [
            Figure("mails/s, 4+ connections / smtp-source at its best", best / source, "", 1.0),
            Figure("mails/s, 4+ connections / Flask-Mail as everyone uses it", best / flask_mail, "", 20.0),
            Figure("worker's processor time, 4+ connections", cost, "µs/mail", 60.0, at_most=True),
            Figure(f"worker's peak memory, {self._crowd.number:,} recipients", peak, "MB", 110.0, at_most=True),
            Figure("a mail", self._sample.octets, "octets"),
            Figure("places in it that are personal", self._sample.places),
            *self._rates(),
        ]

    def _rates(self) -> list[Figure]:
        found = []
        for number, runs in sorted(self.ours.items()):
            name = f"newsletter, {number} connections"
            found += [
                Figure(name, _median(runs, _rate), "mails/s"),
                Figure(f"{name}: worker", _median(runs, lambda run: run.worker), "µs/mail"),
                Figure(f"{name}: PostgreSQL", _median(runs, lambda run: run.database), "µs/mail"),
                Figure(f"{name}: smtp-sink", _median(runs, lambda run: run.relay), "µs/mail"),
            ]
        for sessions, sent in sorted(self.source.items()):
            found.append(Figure(f"smtp-source -d -s {sessions}", _median(sent, _rate), "mails/s"))
        for name, sent in self.others.items():
            found.append(Figure(name, _median(sent, _rate), "mails/s"))
            found.append(Figure(f"{name}: processor time", _median(sent, lambda run: run.processor), "µs/mail"))
        return found


def _rate(run: Run | Sent) -> float:
    return run.rate


def _median(runs: Iterable[T], value: Callable[[T], float]) -> float:
    return median(map(value, runs))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this section."""
    parser.add_argument("--recipients", type=int, default=50_000)
    parser.add_argument("--connections", type=numbers, default=[1, 4, 16], help="such as 4,8,16")
    parser.add_argument("--rounds", type=int, default=3)


def numbers(text: str) -> list[int]:
    """Read whole numbers with commas between them."""
    return [int(word) for word in text.split(",")]


def measure(installation: Installation, chosen: argparse.Namespace, progress: Progress) -> list[Figure]:
    """Measure this section."""
    sample = Sample(installation)
    progress(f"a mail has {sample.octets:,} octets, {sample.places} of its places are personal")
    sending = Sending(installation, sample, people.crowd(chosen.recipients), progress)
    for _round in range(chosen.rounds):
        sending.round(chosen.connections)
    return sending.figures()


if __name__ == "__main__":
    run({"sending": measure}, options)
