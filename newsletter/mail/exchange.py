"""Several lines to the relay, driven by one selector: opened beside each other, reopened when they break."""

import selectors
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from flask import Flask

from newsletter.mail.line import Line
from newsletter.mail.pipeline import Letter, Verdict
from newsletter.mail.transport import Relay, RelayAway, relay

LOAD = 3
"""Letters per line: one behind its final dot, one whose envelope is out, one to go in the same write as that
one's content."""


class Exchange:
    """A context manager. `feed` letters while there is `room`, then `step` and take the verdicts."""

    def __init__(self, app: Flask, connections: int) -> None:
        self._app = app
        self._most = connections
        self._lines: list[Line] = []
        self._selector = selectors.DefaultSelector()
        self._opening: list[Future[Relay]] = []
        self.away: RelayAway | None = None
        """Set when no line is open and none can be opened: the relay takes no mail now."""
        self._openers = ThreadPoolExecutor(connections, thread_name_prefix="relay")
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        for future in self._opening:
            if future.exception() is None:
                self._lines.append(Line(future.result()))
        self._openers.shutdown()
        for line in self._lines:
            line.close()
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

    @property
    def room(self) -> int:
        """How many letters can be fed now."""
        return sum(LOAD - line.load for line in self._lines)

    @property
    def load(self) -> int:
        """How many letters are on their way."""
        return sum(line.load for line in self._lines)

    def feed(self, letter: Letter) -> None:
        """Give a letter to the line with the least to do. There must be room."""
        min(self._lines, key=_load).feed(letter)

    def release(self) -> list[Letter]:
        """Take the letters back that have not begun."""
        return [letter for line in self._lines for letter in line.release()]

    def step(self, seconds: float) -> list[Verdict]:
        """Write and read what can be, waiting up to `seconds` for something to happen; return the verdicts."""
        verdicts: list[Verdict] = []
        for key, mask in self._selector.select(seconds):
            if key.data is None:
                self._hear()
                continue
            line: Line = key.data
            if mask & selectors.EVENT_WRITE:
                line.write()
            if mask & selectors.EVENT_READ:
                verdicts += line.read()
        verdicts += self._lost()
        self._collect()
        for line in self._lines:
            line.watched = self._watch(line)
        return verdicts

    def _watch(self, line: Line) -> int:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.writing else 0)
        if events != line.watched:
            self._selector.modify(line, events, line)
        return events

    def abandon(self) -> list[Verdict]:
        """Break all lines off; return what became of the letters on them."""
        for line in self._lines:
            line.broken = True
        return self._lost()

    def _hear(self) -> None:
        try:
            self._ear.recv(4096)
        except BlockingIOError:
            return

    def _lost(self) -> list[Verdict]:
        """Let go of the lines that are of no more use."""
        lost: list[Verdict] = []
        for line in list(self._lines):
            if line.broken or line.closing or line.overdue():
                self._selector.unregister(line)
                self._lines.remove(line)
                lost += line.lost()
                # A relay may limit the mails per connection. But one that closes at once has had too many of us.
                if line.closing and not line.useful:
                    self._bear(RelayAway())
        return lost

    def _bear(self, error: RelayAway) -> None:
        self._most = max(1, len(self._lines) + len(self._opening))
        if not self._lines and not self._opening:
            self.away = error

    def _collect(self) -> None:
        """Take in the lines that have been opened."""
        for future in [future for future in self._opening if future.done()]:
            self._opening.remove(future)
            try:
                line = Line(future.result())
            except RelayAway as error:
                self._bear(error)
                continue
            self._lines.append(line)
            self._selector.register(line, selectors.EVENT_READ, line)


def _load(line: Line) -> int:
    return line.load
