"""The ledger of a campaign's sending: batches, the mails that may go, and what became of each.

What the desk is to do is done in threads beside the lines. Whatever happens to the database meanwhile, an
outcome is either written or still here.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable

from sqlalchemy.exc import SQLAlchemyError

from newsletter.campaigns.clerk import Clerk
from newsletter.campaigns.desk import Batch, Desk, Wait
from newsletter.campaigns.held import Claim, Outcome
from newsletter.campaigns.models import DeliveryState
from newsletter.campaigns.pace import Pace

log = logging.getLogger(__name__)

LOCK_SECONDS = 5.0
"""How long mails of a batch may be begun. The batch holds its recipients' rows until the last has its reply;
leaving waits up to eight seconds for them."""
MOST_FAILURES = 5
"""After these the leases must speak for what is not written: a database that is merely away is no failure."""
LOOK_SECONDS = 1.0
TURNS_AT_ONCE = 3
"""A turn is worth its while when it moves this part of what may be on the wire."""


class Ledger:
    """`ready` are the mails that may go; `note` what became of them; `keep` lets the desk work.

    `ending` is set when nothing more is to be begun: by the caller, or because the campaign was paused, the claims
    were lost, or the database failed. `dry` is set when nothing was due.
    """

    def __init__(self, desk: Desk, pace: Pace, wake: Callable[[], None]) -> None:
        self.ready: deque[Claim] = deque()
        self.ending = self.dry = False
        self._desk = desk
        self._pace = pace
        self._batches: dict[int, Batch] = {}
        self._outcomes: list[Outcome] = []
        self._failures = 0
        self._open_at = self._look_at = 0.0
        self._turner, self._opener = Clerk("desk", wake), Clerk("batches", wake)

    @property
    def open(self) -> int:
        """How many claimed mails have no fate yet."""
        return sum(batch.unsettled for batch in self._batches.values())

    @property
    def leased_until(self) -> float:
        """When the first of the leases ends, by the monotonic clock: nothing may be written behind that."""
        return min((batch.leased_until for batch in self._batches.values()), default=float("inf"))

    @property
    def balanced(self) -> bool:
        """Whether every claim has its fate and every fate is written."""
        return self._turner.free and self._opener.free and not (self._batches or self._outcomes)

    def note(self, outcome: Outcome) -> None:
        """Take down what became of a claim."""
        self._outcomes.append(outcome)
        self._pace.count += 1
        self._batches[outcome.claim.batch_id].unsettled -= 1

    def give_back(self, claims: Iterable[Claim]) -> None:
        """Take down that these have not begun."""
        for claim in claims:
            self.note(Outcome(claim, DeliveryState.QUEUED, tried=False))

    def recall(self) -> bool:
        """Give back what has not begun: everything at the end, and the rest of a batch that takes too long.

        Return whether there was any among what is `ready`.
        """
        oldest = time.monotonic() - LOCK_SECONDS
        ended = [batch for batch in self._batches.values() if self.ending or batch.since < oldest]
        for batch in ended:
            self.give_back(batch.waiting)
        if not ended or not self.ready:
            return False
        ids = {batch.id for batch in ended}
        late = [claim for claim in self.ready if claim.batch_id in ids]
        self.give_back(late)
        self.ready = deque(claim for claim in self.ready if claim.batch_id not in ids)
        return bool(late)

    def keep(self, *, idle: bool) -> None:
        """Take the clerks' last work in and give them the next. `idle`: no mail is on its way."""
        self._take_in(self._turner)
        self._take_in(self._opener)
        for batch in [batch for batch in self._batches.values() if not (batch.waiting or batch.unsettled)]:
            batch.close()
            del self._batches[batch.id]
        current = next((batch for batch in self._batches.values() if batch.waiting), None)
        if self._turner.free:
            self._next_turn(current, idle=idle)
        if self._opener.free and self._may_open(current):
            size = self._pace.batch
            self._opener.give(lambda: self._desk.open_batch(size), self._opened)

    def close(self) -> None:
        """Let the clerks finish and let go of every row. What is not balanced then is left to the leases."""
        self._turner.close()
        self._opener.close()
        self._opener.take_in()
        for batch in self._batches.values():
            batch.close()

    def _take_in(self, clerk: Clerk) -> None:
        error = clerk.take_in()
        if error is None:
            return
        if not isinstance(error, SQLAlchemyError):
            raise error
        log.error("the database failed in the middle of a batch: %s", type(error).__name__)
        self.ending = True
        self._failures += 1
        if self._failures > MOST_FAILURES:
            raise error

    def _next_turn(self, current: Batch | None, *, idle: bool) -> None:
        if self._batches and time.monotonic() >= self._look_at:
            self._look()
            return
        worthwhile = max(1, self._pace.on_wire // TURNS_AT_ONCE)
        room = self._pace.on_wire - self.open + sum(len(batch.waiting) for batch in self._batches.values())
        window = min(room, len(current.waiting)) if current is not None else 0
        if current is not None and window and (window >= worthwhile or not self.ready):
            self._wire(current, window)
        elif self._outcomes and (idle or len(self._outcomes) >= worthwhile):
            self._settle()

    def _may_open(self, current: Batch | None) -> bool:
        """The next batch is claimed while the last of this one are on their way, so that no line runs dry."""
        if self.ending or self.dry or len(self._batches) > 1 or time.monotonic() < self._open_at:
            return False
        return current is None or len(current.waiting) < self._pace.batch // 4

    def _opened(self, batch: Batch | Wait | None) -> None:
        if batch is None:
            self.dry = True
            return
        if isinstance(batch, Wait):  # as long as nothing is on its way, the lines look here a few times a second
            self._open_at = time.monotonic() + batch.seconds
            return
        self._pace.batch_begins()
        self._batches[batch.id] = batch

    def _wire(self, batch: Batch, number: int) -> None:
        self._pace.turn_begins()
        window = batch.waiting.take(number)
        outcomes, self._outcomes = self._outcomes, []

        def undo() -> None:
            self._put_back(outcomes)
            self._wired(window, may=False)

        self._turner.give(
            lambda: self._desk.turn(outcomes, batch, window), lambda may: self._wired(window, may=may), undo
        )

    def _look(self) -> None:
        """Renew the leases, and see whether the campaign was paused: on a slow relay turns lie far apart."""
        batches = list(self._batches.values())

        def looked(goes_on: bool) -> None:
            self.ending = self.ending or not goes_on

        self._look_at = time.monotonic() + LOOK_SECONDS
        self._turner.give(lambda: self._desk.renew(batches), looked)

    def _wired(self, window: list[Claim], *, may: bool) -> None:
        if may:
            self.ready.extend(window)
        else:  # paused, cancelled, or no longer ours
            self.ending = True
            self.give_back(window)

    def _settle(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._turner.give(
            lambda: self._desk.turn(outcomes, None, ()), lambda _may: None, lambda: self._put_back(outcomes)
        )

    def _put_back(self, outcomes: list[Outcome]) -> None:
        # Writing one twice does no harm: what is settled is no longer claimed, and is left alone.
        self._outcomes[:0] = outcomes
