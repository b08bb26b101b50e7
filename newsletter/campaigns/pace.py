"""How much to claim at once: about half a second's work, whatever the relay's speed."""

import time

BATCH_SECONDS = 0.5
"""A batch holds its recipients' rows for twice as long at most; whoever leaves waits for that."""
SMALLEST, LARGEST = 8, 2500


class Pace:
    """Learns from batch to batch how many mails get their fate in a second. `count` goes up with each.

    `first` is the size of the first batch.
    """

    def __init__(self, first: int) -> None:
        self.batch = max(SMALLEST, min(LARGEST, first))
        self.count = 0
        self._since = time.monotonic()

    def mark(self) -> None:
        """Size the next batch by what happened since the last mark; doubling at most, one quick batch says little."""
        seconds = time.monotonic() - self._since
        if self.count:
            fitting = int(self.count * BATCH_SECONDS / max(seconds, 0.001))
            self.batch = max(SMALLEST, min(LARGEST, self.batch * 2, fitting))
        self.count, self._since = 0, time.monotonic()
