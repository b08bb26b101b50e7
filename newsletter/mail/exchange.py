"""Several lines to the relay, driven by one selector: opened beside each other, reopened when they break."""

import selectors
import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from flask import Flask

from newsletter.mail.line import Line
from newsletter.mail.pipeline import Letter, Supply, Verdict
from newsletter.mail.replies import RelayAway
from newsletter.mail.transport import Relay, relay

LOOK_SECONDS = 0.5
"""How often it is looked whether a reply is overdue."""
MOMENT_SECONDS = 0.002
"""Verdicts are handed over by the handful: what is done with them costs more than one of them is worth."""

GOODBYE_SECONDS = 2.0
AT_ONCE = 32
"""So many connections are opened or closed at the same time."""
MANY, GATHER_SECONDS = 32, 0.00001
"""With so many letters on their way the relay has enough to do for a while, for each of them so long at least, and its
replies may gather: being woken for each reply cost a sixth of the processor time of a mail."""


class Exchange:
    """A context manager. `step` and take the verdicts; the lines take letters from `supply` as they have room."""

    def __init__(self, app: Flask, connections: int, supply: Supply) -> None:
        self._app = app
        self._most = connections
        self._supply = supply
        self.until = float("inf")
        """Nothing is written behind this, by the monotonic clock: whoever slept for too long finds his work taken."""
        self.load = 0
        """How many letters are on their way."""
        self._lines: set[Line] = set()
        self._hungry: dict[Line, None] = {}
        self._selector = selectors.DefaultSelector()
        self._opening: list[Future[Relay]] = []
        self.away: RelayAway | None = None
        """Set when no line is open and none can be opened: the relay takes no mail now."""
        self._openers = ThreadPoolExecutor(min(connections, AT_ONCE), thread_name_prefix="relay")
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._look_at = 0.0
        self._verdicts: list[Verdict] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        for future in self._opening:
            # One that waits for its turn needs none any more.
            if not future.cancel() and future.exception() is None:
                self._lines.add(Line(future.result(), self._next, self._may_write))
        until = time.monotonic() + GOODBYE_SECONDS
        for line in self._lines:  # each waits for the relay's goodbye, all of them no longer than one would
            self._openers.submit(line.close, until)
        self._openers.shutdown()
        self._selector.close()
        self._bell.close()
        self._ear.close()

    def open(self, wanted: int) -> None:
        """Have up to `wanted` lines, but not more than the relay bears. They come while `step` goes on."""
        for _ in range(min(wanted, self._most) - len(self._lines) - len(self._opening)):
            future = self._openers.submit(self._connect)
            future.add_done_callback(lambda _future: self.wake())
            self._opening.append(future)

    def _connect(self) -> Relay:
        with self._app.app_context():
            return relay().__enter__()

    def wake(self) -> None:
        """End a `step` that waits, from any thread."""
        with suppress(OSError):  # closed already, or rung so often that one more is no news
            self._bell.send(b"!")

    def _next(self) -> Letter | None:
        letter = self._supply()
        self.load += letter is not None
        return letter

    def _may_write(self) -> bool:
        return time.monotonic() < self.until

    def serve(self) -> None:
        """Let the lines that have room begin, as far as there are letters."""
        while self._hungry:
            line = next(iter(self._hungry))
            if not line.begin():
                return
            self._look_after(line)

    def step(self, seconds: float) -> list[Verdict]:
        """Write and read what can be for a moment, waiting up to `seconds` for it to begin; return the verdicts."""
        self._talk(0 if self._verdicts else seconds)
        self._end_overdue()
        self._collect()
        verdicts, self._verdicts = self._verdicts, []
        self.load -= len(verdicts)
        return verdicts

    def _talk(self, seconds: float) -> None:
        """Go on until the moment is over, somebody rings, or a line has nothing to send."""
        events = self._heard(seconds)
        until = time.monotonic() + MOMENT_SECONDS
        while events and not self._converse(events) and not self._hungry:
            left = until - time.monotonic()
            events = self._heard(left) if left > 0 else []

    def _heard(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        if self.load >= MANY and seconds:
            time.sleep(self.load * GATHER_SECONDS)
        return self._selector.select(seconds)

    def _converse(self, events: Iterable[tuple[selectors.SelectorKey, int]]) -> bool:
        """Write and read where it can be done now; return whether somebody has rung."""
        rung = False
        for key, mask in events:
            if key.data is None:
                self._hear()
                rung = True
                continue
            line: Line = key.data
            if mask & selectors.EVENT_WRITE:
                line.write()
            if mask & selectors.EVENT_READ:
                self._verdicts += line.read()
            self._look_after(line)
        return rung

    def abandon(self) -> None:
        """Break all lines off; the next step says what became of the letters on them."""
        for line in list(self._lines):
            self._let_go(line)

    def _look_after(self, line: Line) -> None:
        """Put a line that has said or heard something where it belongs."""
        if line.finished:
            self._let_go(line)
            return
        if line.hungry:
            self._hungry[line] = None
        else:
            self._hungry.pop(line, None)
        events = line.events
        if events != line.watched:
            self._selector.modify(line, events, line)
            line.watched = events

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(4096)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        for line in [line for line in self._lines if line.overdue(now)]:
            self._let_go(line)

    def _let_go(self, line: Line) -> None:
        """Part with a line that is of no more use."""
        self._selector.unregister(line)
        self._lines.discard(line)
        self._hungry.pop(line, None)
        self._verdicts += line.lost()
        # A relay may limit the mails per connection. But one that closes at once has had too many of us.
        if line.closing and not line.useful:
            self._bear(RelayAway())

    def _bear(self, error: RelayAway) -> None:
        self._most = max(1, len(self._lines) + len(self._opening))
        if not self._lines and not self._opening:
            self.away = error

    def _collect(self) -> None:
        """Take in the lines that have been opened."""
        if not self._opening:
            return
        for future in [future for future in self._opening if future.done()]:
            self._opening.remove(future)
            try:
                line = Line(future.result(), self._next, self._may_write)
            except RelayAway as error:
                self._bear(error)
                continue
            self._lines.add(line)
            self._selector.register(line, selectors.EVENT_READ, line)
            self._hungry[line] = None
