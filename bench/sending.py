"""The whole product against smtp-source, Flask-Mail and smtplib: `python -m bench.sending --recipients 20000`.

All of them take turns (A B A B) at Postfix's smtp-sink with a message of the same length; medians count.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from bench import product, rivals
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from bench.product import Run
from bench.relays import smtp_sink
from bench.rivals import Sent

T = TypeVar("T")
SESSIONS = (1, 4, 8, 16, 32)
PARTS = {"flask-mail": 50, "smtplib": 8}
"""The slow ones send one in so many of the mails."""
SEVERAL = 4


class Sending:
    """What was measured: the product's runs by connections, smtp-source's by sessions, the others by name."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._crowd = bench.crowd(bench.recipients)
        self._sample = bench.sample
        self.ours: dict[int, list[Run]] = defaultdict(list)
        self.source: dict[int, list[Sent]] = defaultdict(list)
        self.others: dict[str, list[Sent]] = defaultdict(list)

    def round(self) -> None:
        """Let everyone have a turn: ours and smtp-source alternately, then the slow ones."""
        theirs = list(SESSIONS)
        for number in self._bench.connections:
            self._ours(number)
            if theirs:
                self._source(theirs.pop())
        for sessions in theirs:
            self._source(sessions)
        for name in PARTS:
            self._other(name)

    def _ours(self, connections: int) -> None:
        with smtp_sink() as relay:
            found = product.send(self._bench.installation, relay, self._crowd, connections)
        self.ours[connections].append(found)
        more = f"worker {found.worker:.0f}, PostgreSQL {found.database:.0f}, sink {found.relay:.0f} µs/mail"
        self._bench.say(f"newsletter, {connections} connections: {found.rate:,.0f} mails/s, {more}")

    def _source(self, sessions: int) -> None:
        with smtp_sink() as relay:
            found = rivals.smtp_source(relay, self._crowd.number, sessions, self._sample.payload)
        self.source[sessions].append(found)
        self._bench.say(f"smtp-source, {sessions} sessions: {found.rate:,.0f} mails/s, {found.processor:.0f} µs/mail")

    def _other(self, name: str) -> None:
        number = max(100, self._crowd.number // PARTS[name])
        with smtp_sink() as relay:
            found = rivals.in_python(name, self._sample.folder, relay, number)
        self.others[name].append(found)
        self._bench.say(f"{name}: {found.rate:,.0f} mails/s, {found.processor:.0f} µs/mail")

    def figures(self) -> list[Figure]:
        """Return the medians, and how ours compare."""
        several = {number: runs for number, runs in self.ours.items() if number >= SEVERAL} or self.ours
        words = f"{min(several)}+ connections"
        quickest = max(several, key=lambda number: _median(several[number], _rate))
        cost = _median(several[quickest], lambda run: run.worker)
        peak = max(run.peak for runs in several.values() for run in runs)
        ours, source = _best(several), _best(self.source)
        flask_mail, smtplib = (_best({0: self.others[name]}) for name in PARTS)
        return [
            Figure(f"mails/s, {words} : smtp-source at its best", _compared(ours, source), "x", 1.0),
            Figure(f"mails/s, {words} : Flask-Mail as everyone uses it", _compared(ours, flask_mail), "x", 20.0),
            Figure(f"mails/s, {words} : smtplib with a compiled message", _compared(ours, smtplib), "x"),
            Figure(f"worker's processor time, {quickest} connections", cost, "µs/mail", 60.0, at_most=True),
            Figure(f"worker's peak memory, {self._crowd.number:,} recipients", peak, "MB", 110.0, at_most=True),
            Figure("smtp-source's quickest round : its slowest", max(source) / min(source), "x"),
            Figure("a mail", self._sample.octets, "octets"),
            Figure("personal places in it", self._sample.places),
            *self._ours_in_full(),
            *self._theirs_in_full(),
        ]

    def _ours_in_full(self) -> Iterable[Figure]:
        for number, runs in sorted(self.ours.items()):
            name = f"newsletter, {number} connections"
            yield Figure(name, _median(runs, _rate), "mails/s")
            yield Figure(f"{name}: worker", _median(runs, lambda run: run.worker), "µs/mail")
            yield Figure(f"{name}: PostgreSQL", _median(runs, lambda run: run.database), "µs/mail")
            yield Figure(f"{name}: smtp-sink", _median(runs, lambda run: run.relay), "µs/mail")

    def _theirs_in_full(self) -> Iterable[Figure]:
        theirs = {f"smtp-source -d -s {sessions}": sent for sessions, sent in sorted(self.source.items())}
        for name, sent in (theirs | self.others).items():
            yield Figure(name, _median(sent, _rate), "mails/s")
            yield Figure(f"{name}: processor time", _median(sent, lambda run: run.processor), "µs/mail")


def _best(found: Mapping[int, Sequence[Run | Sent]]) -> list[float]:
    """Return the best rate of each round."""
    return [max(run.rate for run in turns) for turns in zip(*found.values(), strict=True)]


def _compared(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of each round: the next one may find a slower machine, for both."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def _rate(run: Run | Sent) -> float:
    return run.rate


def _median(runs: Iterable[T], value: Callable[[T], float]) -> float:
    return median(map(value, runs))


def measure(bench: Bench) -> list[Figure]:
    """Measure this section."""
    sending = Sending(bench)
    for _round in range(bench.rounds):
        sending.round()
    return sending.figures()


if __name__ == "__main__":
    run({"sending": measure})
