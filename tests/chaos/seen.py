"""The relay's process as its parent has it: start it, give orders, read what it has seen."""

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from tests.chaos.troubles import Kind, Phase

ROOT = Path(__file__).resolve().parent.parent.parent


class Moment(NamedTuple):
    """When something happened, by the machine's monotonic clock, and on which connection."""

    clock: float
    connection: int


Moments = defaultdict[str, list[Moment]]


def _moments() -> Moments:
    return defaultdict(list)


@dataclass
class Seen:
    """What the relay has seen so far: when mails began, were taken, answered or struck by a trouble, by address."""

    begun: Moments = field(default_factory=_moments)
    taken: Moments = field(default_factory=_moments)
    answered: Moments = field(default_factory=_moments)
    struck: Moments = field(default_factory=_moments)
    cut: int = 0
    """How many connections ended without a goodbye after a mail had begun on them."""
    opened: dict[int, float] = field(default_factory=dict)
    """When each connection came."""
    _in_use: set[int] = field(default_factory=set)

    def note(self, kind: Kind, clock: float, connection: int, address: str) -> None:
        """Take one event in."""
        mails = {
            Kind.BEGUN: self.begun, Kind.TAKEN: self.taken, Kind.ANSWERED: self.answered, Kind.STRUCK: self.struck,
        }.get(kind)  # fmt: skip
        if mails is not None:
            self._in_use.add(connection)
            mails[address].append(Moment(clock, connection))
        elif kind is Kind.OPENED:
            self.opened[connection] = clock
        self.cut += kind is Kind.CUT and connection in self._in_use


class RelayProcess:
    """A relay of our own. `port` says where."""

    def __init__(self, log: Path, *, narrow: bool = False) -> None:
        command = [sys.executable, "-m", "tests.chaos.relay", str(log), *(["narrow"] if narrow else [])]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self._answer())
        self._file = log.open(encoding="ascii")
        self._seen = Seen()
        self._rest = ""

    def stop(self) -> None:
        """End it."""
        self._stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._file.close()

    def pace(self, per_second: float) -> None:
        """Let at most so many mails through; each waits for its turn at one of its replies. 0 is full speed."""
        self._order(per_second=per_second)

    def trouble(self, phase: Phase, act: str, *, domain: str, every: int, times: int) -> None:
        """Have the relay misbehave; see `troubles.Trouble`."""
        self._order(trouble={"phase": phase, "act": act, "domain": domain, "every": every, "times": times})

    def seen(self) -> Seen:
        """Return what the relay has seen up to now: the same object, more in it each time."""
        self._order()
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            kind, clock, _wall, connection, address = line.split(" ")
            self._seen.note(Kind(kind), float(clock), int(connection), address)
        return self._seen

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _order(self, **order: object) -> None:
        self._stdin.write(json.dumps(order).encode() + b"\n")
        self._stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode()
