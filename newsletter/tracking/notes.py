"""Notes of opens and clicks, kept in this process for a fifth of a second and then taken to Redis together.

A note holds the two words of the measurement id as they came, the number of the link and the moment, and whether the
program looks at mails by itself. It never holds an IP address or a user agent, because the code that writes it is not
given any.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from redis import RedisError

from newsletter.core.background import Background

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
MOST_NOTES = 100_000
"""What is kept while Redis is away: about 15 MB. Beyond it the oldest are dropped, and counted."""
NOTES_PER_PUSH = 1_000
"""They are packed in one piece, while nobody is answered: with ten times as many, one request in a hundred waited for
nearly twice as long."""

BY_ITSELF = "m"

Push = Callable[[Sequence[str], int], None]
"""Takes notes, and how many were dropped since the last time; raises `RedisError` when it can't."""


class Note(NamedTuple):
    """One open or click as it was noted, at a moment in milliseconds since 1970."""

    campaign: str
    link: int
    at_ms: int
    recipient: str
    by_itself: bool

    @property
    def measurement_id(self) -> str:
        """Return the id as the URL spells it."""
        return f"{self.campaign}-{self.recipient}"


def parse(record: bytes) -> Note | None:
    """Return the note that was written so, or None."""
    try:
        campaign, link, at_ms, recipient, *by_itself = record.decode("ascii").split(" ")
        return Note(campaign, int(link), int(at_ms), recipient, by_itself == [BY_ITSELF])
    except ValueError:
        return None


class Notes:
    """The notes of one process, taken away in the background; a forked child has its own."""

    def __init__(self, push: Push, most: int = MOST_NOTES) -> None:
        self._push = push
        self._most = most
        self._background = Background("notes", FLUSH_SECONDS, self.flush, last=self._flush_at_last, forget=self._forget)
        self._forget()

    def _forget(self) -> None:
        # The parent keeps its notes: a child that had them, too, would count them twice.
        self._waiting: deque[str] = deque(maxlen=self._most)
        self._leaving: list[str] = []
        self._dropped = 0
        self._flushing = threading.Lock()
        self._away = False

    def note(self, campaign: str, number: str, recipient: str, *, by_itself: bool = False) -> None:
        """Note an open (`number` "0") or a click. Takes about a microsecond and never waits for Redis."""
        if len(self._waiting) == self._most:
            self._dropped += 1
        sign = f" {BY_ITSELF}" if by_itself else ""
        self._waiting.append(f"{campaign} {number} {int(time.time() * 1000)} {recipient}{sign}")
        self._background.begin()

    def flush(self) -> bool:
        """Take everything noted so far to Redis; return whether that went well. What did not go is kept."""
        with self._flushing:
            try:
                while self._leaving or self._waiting:
                    self._take()
                    self._push(self._leaving, self._dropped)
                    self._leaving, self._dropped = [], 0
            except RedisError as error:
                if not self._away:
                    log.warning("Redis is away (%s): opens and clicks wait in this process", type(error).__name__)
                self._away = True
                return False
            self._away = False
            return True

    def close(self) -> None:
        """Stop the thread, which flushes for the last time."""
        self._background.close()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._leaving)

    def _flush_at_last(self) -> None:
        if not self.flush():
            log.error("%d opens and clicks were lost: Redis was away at the end", len(self))

    def _take(self) -> None:
        # Only one thread takes, others only append: what is counted here is there.
        if not self._leaving:
            number = min(len(self._waiting), NOTES_PER_PUSH)
            self._leaving = [self._waiting.popleft() for _ in range(number)]
