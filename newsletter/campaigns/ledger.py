"""The ledger of a campaign's sending: batches, the mails that may go, and what became of each.

What the desk is to do is done in a thread beside the lines, one thing after the other. Whatever happens to the
database meanwhile, an outcome is either written or still here.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from newsletter.campaigns.claims import Claim, Outcome
from newsletter.campaigns.desk import Batch, Desk
from newsletter.campaigns.models import DeliveryState
from newsletter.campaigns.pace import Pace

log = logging.getLogger(__name__)

LOCK_SECONDS = 5.0
"""How long mails of a batch may be begun. The batch holds its recipients' rows until the last has its reply;
leaving waits up to eight seconds for them."""
MOST_FAILURES = 5
"""After these the leases must speak for what is not written: a database that is merely away is no failure."""
Item = tuple[Batch, Claim]


class Ledger:
    """`ready` are the mails that may go; `note` what became of them; `keep` lets the desk work.

    `ending` is set when nothing more is to be begun: by the caller, or because the campaign was paused, the
    claims were lost, or the database failed. `dry` is set when nothing was due.
    """

    def __init__(self, desk: Desk, window: int, wake: Callable[[], None]) -> None:
        self.ready: deque[Item] = deque()
        self.ending = self.dry = False
        self._desk = desk
        self._window = window
        self._wake = wake
        self._pace = Pace()
        self._batches: list[Batch] = []
        self._outcomes: list[Outcome] = []
        self._failures = 0
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._work: tuple[Future[Any], Callable[[Any], None], Callable[[], None]] | None = None

    @property
    def open(self) -> int:
        """How many claimed mails have no fate yet."""
        return sum(batch.unsettled for batch in self._batches)

    @property
    def balanced(self) -> bool:
        """Whether every claim has its fate and every fate is written."""
        return not (self._work or self._batches or self._outcomes)

    def note(self, batch: Batch, outcome: Outcome) -> None:
        """Take down what became of a claim."""
        self._outcomes.append(outcome)
        self._pace.count += 1
        batch.unsettled -= 1

    def give_back(self, items: list[Item]) -> None:
        """Take down that these have not begun."""
        for batch, claim in items:
            self.note(batch, Outcome(claim, DeliveryState.QUEUED))

    def recall(self) -> bool:
        """Give back what has not begun: everything at the end, and the rest of a batch that takes too long.

        Returns whether the lines are to give back what they have not begun, too.
        """
        late = [batch for batch in self._batches if time.monotonic() - batch.since > LOCK_SECONDS]
        ended = self._batches if self.ending else late
        for batch in ended:
            self.give_back([(batch, claim) for claim in batch.waiting])
            batch.waiting.clear()
        self.give_back([item for item in self.ready if item[0] in ended])
        self.ready = deque(item for item in self.ready if item[0] not in ended)
        return bool(ended)

    def keep(self, *, idle: bool) -> None:
        """Take the desk's last work in and give it the next. `idle`: no mail is on its way."""
        if self._work is not None and not self._take_in():
            return
        self._batches = [batch for batch in self._batches if not _closed(batch)]
        current = next((batch for batch in self._batches if batch.waiting), None)
        if current is not None and len(self.ready) < self._window:
            self._wire(current)
        elif self._may_claim(current):
            size = self._pace.batch
            self._assign(lambda: self._desk.open_batch(size), self._opened, lambda: None)
        elif self._outcomes and (len(self._outcomes) >= self._window or idle):
            self._settle()

    def close(self) -> None:
        """Let the desk finish and let go of every row. What is not balanced then is left to the leases."""
        self._clerk.shutdown()
        for batch in self._batches:
            batch.close()

    def _assign(self, work: Callable[[], Any], apply: Callable[[Any], None], undo: Callable[[], None]) -> None:
        future = self._clerk.submit(work)
        self._work = (future, apply, undo)
        future.add_done_callback(lambda _future: self._wake())

    def _take_in(self) -> bool:
        if self._work is None or not self._work[0].done():
            return False
        (future, apply, undo), self._work = self._work, None
        try:
            result = future.result()
        except SQLAlchemyError as error:
            log.error("the database failed in the middle of a batch: %s", type(error).__name__)
            self.ending = True
            self._failures += 1
            if self._failures > MOST_FAILURES:
                raise
            undo()
        else:
            apply(result)
        return True

    def _may_claim(self, current: Batch | None) -> bool:
        """The next batch is claimed while the last of this one are on their way, so that no line runs dry."""
        if self.ending or self.dry or len(self._batches) > 1:
            return False
        return current is None or len(current.waiting) < self._window

    def _opened(self, batch: Batch | None) -> None:
        if batch is None:
            self.dry = True
            return
        self._pace.mark()
        self._batches.append(batch)

    def _wire(self, batch: Batch) -> None:
        window = [batch.waiting.popleft() for _ in range(min(self._window, len(batch.waiting)))]
        outcomes, self._outcomes = self._outcomes, []

        def undo() -> None:
            self._put_back(outcomes)
            self._wired(batch, window, set())

        self._assign(
            lambda: self._desk.turn(outcomes, batch, window), lambda may: self._wired(batch, window, may), undo
        )

    def _wired(self, batch: Batch, window: list[Claim], may: set[int]) -> None:
        self.ready.extend((batch, claim) for claim in window if claim.id in may)
        refused = [(batch, claim) for claim in window if claim.id not in may]
        self.ending = self.ending or bool(refused)  # paused, cancelled, or no longer ours
        self.give_back(refused)

    def _settle(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._assign(lambda: self._desk.turn(outcomes, None, ()), lambda _none: None, lambda: self._put_back(outcomes))

    def _put_back(self, outcomes: list[Outcome]) -> None:
        # Writing one twice does no harm: what is settled is no longer claimed, and is left alone.
        self._outcomes[:0] = outcomes


def _closed(batch: Batch) -> bool:
    if batch.waiting or batch.unsettled:
        return False
    batch.close()
    return True
