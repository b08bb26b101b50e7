"""What the relay writes down, when it misbehaves, and how fast it is: all that its conversations share."""

import asyncio
import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import IO

FLUSH_SECONDS = 0.02


class Kind(StrEnum):
    """What the log tells: a connection came; MAIL FROM came; the final dot came; its reply went; a trouble was
    caused; the connection broke, or ended with a goodbye."""

    OPENED = "opened"
    BEGUN = "begun"
    TAKEN = "taken"
    ANSWERED = "answered"
    STRUCK = "struck"
    CUT = "cut"
    CLOSED = "closed"


class Phase(StrEnum):
    """Where a trouble happens."""

    BEFORE_MAIL = "before MAIL"
    AFTER_MAIL = "after MAIL"
    AFTER_RCPT = "after RCPT"
    AFTER_354 = "after 354"
    IN_CONTENT = "in the content"
    AFTER_DOT = "after the dot"


@dataclass
class Trouble:
    """At every `every`th mail to `domain`, `times` times in all: `drop` the connection at `phase`, or `hang`."""

    phase: Phase
    act: str
    domain: str
    every: int
    times: int
    seen: int = 0

    def strikes(self, phase: Phase, to: str) -> bool:
        """Return whether it is time, and count."""
        if phase != self.phase or not self.times or not to.endswith(f"@{self.domain}"):
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.times -= 1
        return True


class Relay:
    """What all conversations share: the log, the pace, the troubles."""

    def __init__(self, log: IO[str]) -> None:
        self._log = log
        self._troubles: list[Trouble] = []
        self._interval = self._next = 0.0
        self.connections = 0

    def note(self, kind: Kind, connection: int, address: str = "-", clock: float | None = None) -> None:
        """Write an event down, of now or of an earlier moment."""
        now = time.monotonic()
        clock = now if clock is None else clock
        self._log.write(f"{kind} {clock:.6f} {time.time() - (now - clock):.6f} {connection} {address}\n")

    def order(self, line: bytes) -> None:
        """Do as told: `{"per_second": 100}` (0: at full speed), `{"trouble": {…}}`, `{}`: only answer."""
        order = json.loads(line)
        if "per_second" in order:
            self._interval = 1 / order["per_second"] if order["per_second"] else 0.0
        if "trouble" in order:
            self._troubles.append(Trouble(**order["trouble"] | {"phase": Phase(order["trouble"]["phase"])}))
        self._log.flush()

    def trouble(self, phase: Phase, to: str) -> str | None:
        """Return what is to happen at this moment, if anything."""
        return next((trouble.act for trouble in self._troubles if trouble.strikes(phase, to)), None)

    def turn(self) -> float:
        """Return in how many seconds the next mail may go on."""
        now = time.monotonic()
        self._next = max(now, self._next + self._interval)
        return self._next - now

    async def flush(self) -> None:
        """Write the log out again and again."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._log.flush()
