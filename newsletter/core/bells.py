"""The bells of a process that serves visitors: rung a moment later, together, so that nobody waits for Redis."""

from collections import deque

from flask import Flask, current_app

from newsletter.core import queues
from newsletter.core.background import Background
from newsletter.core.queues import Bell, JobFunction

EXTENSION = "newsletter-bells"
GATHER_SECONDS = 0.02
"""How long a bell may wait for others: nobody notices it in a mail."""


class Bells:
    """Those that are still to be rung. What the process takes along when it dies, the sweep rings."""

    def __init__(self, app: Flask) -> None:
        self._redis = app.extensions[queues.EXTENSION]
        self._waiting: deque[Bell] = deque()
        self._background = Background("bells", GATHER_SECONDS, self.ring, last=self.ring, forget=self._waiting.clear)

    def add(self, bell: Bell) -> None:
        """Have it rung soon."""
        self._waiting.append(bell)
        self._background.begin()

    def ring(self) -> None:
        """Ring those that wait. If Redis is away they are forgotten."""
        bells = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if bells:
            queues.ring_all(self._redis, bells)

    def close(self) -> None:
        """Ring for the last time."""
        self._background.close()


def gather(app: Flask) -> None:
    """Let this app's bells be rung together."""
    app.extensions[EXTENSION] = Bells(app)


def ring(queue: str, job: JobFunction, row_id: int) -> None:
    """Do as `queues.ring`; where bells are gathered, soon and without waiting for Redis."""
    gathered: Bells | None = current_app.extensions.get(EXTENSION)
    if gathered is None:
        queues.ring(queue, job, row_id)
    else:
        gathered.add(Bell(queue, queues.name_of(job), row_id))
