"""How many mails to claim at once, and to let on the wire: so much time's work, however quick the relay is."""

import time

BATCH_SECONDS = 0.5
"""A batch holds its recipients' rows for twice as long at most; whoever leaves waits for that."""
SMALLEST, LARGEST = 8, 2500
WIRE_SECONDS = 0.2
"""What is written down as going, and not as gone, is in doubt when this process is killed: no more than is needed to
keep the lines busy while the database takes its turn."""
FEWEST_PER_LINE, MOST_PER_LINE = 4, 32
"""A line has two mails on their way (`mail.pipeline`), and as many should lie ready."""


class Pace:
    """Learns how many mails get their fate in a second: `count` goes up with each. Sizes are in mails."""

    def __init__(self, lines: int) -> None:
        self._fewest, self._most = FEWEST_PER_LINE * lines, MOST_PER_LINE * lines
        self.batch = min(LARGEST, self._most)
        self.on_wire = self._fewest
        self.count = 0
        now = time.monotonic()
        self._batch, self._wire = (0, now), (0, now)

    def batch_begins(self) -> None:
        """Size the next batch by what happened since the last one; doubling at most, one quick batch says little."""
        count, seconds = self._since(self._batch)
        if count:
            self.batch = max(SMALLEST, min(LARGEST, self.batch * 2, int(count / seconds * BATCH_SECONDS)))
        self._batch = (self.count, time.monotonic())

    def turn_begins(self) -> None:
        """Size what may be on the wire by what happened lately; replies come in bursts, so it takes a while to tell."""
        count, seconds = self._since(self._wire)
        if seconds > WIRE_SECONDS / 4:
            self.on_wire = max(self._fewest, min(self._most, self.on_wire * 2, int(count / seconds * WIRE_SECONDS)))
            self._wire = (self.count, time.monotonic())

    def _since(self, before: tuple[int, float]) -> tuple[int, float]:
        """Return how many mails got their fate since then, and in how many seconds."""
        return self.count - before[0], max(time.monotonic() - before[1], 0.001)
