"""The desk: what one sender does in the database while its lines go on talking to the relay.

A batch holds its recipients' rows locked on a connection of its own, from the check that they are still
there until the last of its mails has its fate; whoever leaves waits for that. On another connection the desk
commits, a window at a time, what is about to be sent and what became of it.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from newsletter.campaigns import claims
from newsletter.campaigns.claims import Claim, Outcome
from newsletter.campaigns.mails import RecipientRow, lock_recipients
from newsletter.campaigns.models import DeliveryState
from newsletter.core.stopping import stopping

SETTLE_SECONDS, LAST_TRY_SECONDS = 600.0, 15.0
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


@dataclass(eq=False)
class Batch:
    """Claims whose recipients are held. `waiting` are not written down as going yet, `unsettled` have no fate."""

    locks: Connection
    rows: dict[int, RecipientRow]
    waiting: deque[Claim]
    unsettled: int
    since: float = field(default_factory=time.monotonic)

    def close(self) -> None:
        """Let go of the recipients' rows."""
        with suppress(SQLAlchemyError):  # a connection that is gone holds nothing
            self.locks.close()


class Desk:
    """The database's side of one campaign's sending. One call at a time, from any thread."""

    def __init__(self, engine: Engine, campaign_id: int) -> None:
        self._engine = engine
        self._campaign_id = campaign_id
        self._marks = engine.connect()

    def open_batch(self, number: int) -> Batch | None:
        """Claim up to `number` deliveries and hold their recipients; None when nothing is due."""
        with self._clean_marks():
            mine = claims.claim(self._marks, self._campaign_id, number)
            self._marks.commit()
        if not mine:
            return None
        with ExitStack() as unless_all_is_well:
            locks = unless_all_is_well.enter_context(self._engine.connect())
            rows = lock_recipients(locks, [claim.recipient_id for claim in mine if claim.recipient_id])
            here = deque(claim for claim in mine if claim.recipient_id in rows)
            self.settle([Outcome(claim, DeliveryState.SKIPPED) for claim in mine if claim.recipient_id not in rows])
            unless_all_is_well.pop_all()
        return Batch(locks, rows, here, len(here))

    def turn(self, outcomes: Sequence[Outcome], batch: Batch | None, window: Sequence[Claim]) -> set[int]:
        """Settle, and note that `window` is about to go; return the ids of those that may. One commit for both."""
        if batch is None or not window:
            self.settle(outcomes)
            return set()
        with self._clean_marks():
            if outcomes:
                claims.settle(self._marks, outcomes)
            may = claims.wire(self._marks, self._campaign_id, window)
            self._marks.commit()
        batch.locks.execute(text("SELECT 1"))  # the locks are worth nothing if their connection is gone
        return may

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write and commit; while the database is away keep trying, because only we know what became of them.

        A process that is to end tries for some seconds more only; the leases then speak for it.
        """
        give_up = time.monotonic() + SETTLE_SECONDS
        while outcomes:
            try:
                with self._clean_marks():
                    claims.settle(self._marks, outcomes)
                    self._marks.commit()
                return
            except _AWAY:
                if time.monotonic() > give_up:
                    raise
                if stopping.is_set():
                    give_up = min(give_up, time.monotonic() + LAST_TRY_SECONDS)
                time.sleep(0.5)

    @contextmanager
    def _clean_marks(self) -> Iterator[None]:
        """Leave the connection fit for the next call, whatever fails in the block."""
        try:
            yield
        except SQLAlchemyError:
            with suppress(SQLAlchemyError):  # on a connection that is gone there is nothing to roll back
                self._marks.rollback()
            raise

    def close(self) -> None:
        """Give the connection back."""
        with suppress(SQLAlchemyError):
            self._marks.close()
