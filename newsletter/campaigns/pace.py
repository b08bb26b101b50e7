"""How much to claim at once: about a second's work, whatever the relay's speed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

BATCH_SECONDS = 1.0
SMALLEST, LARGEST = 16, 2000


class Pace:
    """Learns the relay's speed from batch to batch."""

    def __init__(self) -> None:
        self.batch = 64

    @contextmanager
    def measured(self, number: int) -> Iterator[None]:
        """Time what stands in the block, which sends `number` mails, and size the next batch by it."""
        started = time.monotonic()
        yield
        seconds = max(time.monotonic() - started, 0.001)
        fitting = int(number * BATCH_SECONDS / seconds)
        # Doubling at most: one quick batch says little.
        self.batch = max(SMALLEST, min(LARGEST, self.batch * 2, fitting))
