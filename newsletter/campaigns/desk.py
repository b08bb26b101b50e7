"""The desk: what one sender does in the database while its lines go on talking to the relay.

A batch holds its recipients' rows locked on a connection of its own, from the check that they are still
there until the last of its mails has its fate; whoever leaves waits for that. On another connection the desk
commits, some mails at a time, how far the batch goes on the wire and what became of those that went before.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from newsletter.campaigns import claims, rates
from newsletter.campaigns.claims import Claimed
from newsletter.campaigns.domains import Domains
from newsletter.campaigns.held import Claim, Held, Outcome
from newsletter.campaigns.rates import UNLIMITED, Limits
from newsletter.campaigns.replies import Replies
from newsletter.core.stopping import stopping

SETTLE_SECONDS, LAST_TRY_SECONDS = 600.0, 15.0
SOON_SECONDS = 2.0
"""A sender waits so long for a mail that is to go later, instead of ending and being rung for again."""
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


@dataclass(eq=False)
class Batch:
    """Claims whose recipients are held. `waiting` are not written down as going yet, `unsettled` have no fate.

    `leased_until` is when the lease ends at the earliest, by this process's monotonic clock: whoever was stopped for
    longer must write nothing any more.
    """

    id: int
    locks: Connection
    waiting: Held
    unsettled: int
    leased_until: float
    since: float = field(default_factory=time.monotonic)

    def close(self) -> None:
        """Let go of the recipients' rows."""
        with suppress(SQLAlchemyError):  # a connection that is gone holds nothing
            self.locks.close()


@dataclass(frozen=True)
class Wait:
    """Nothing may go now, but something will in so many seconds: a limit, or a mail that waits, says so."""

    seconds: float


class Desk:
    """The database's side of one campaign's sending. `open_batch` may run beside the others, each once at a time."""

    def __init__(
        self, engine: Engine, campaign_id: int, limits: Limits = UNLIMITED, lease: int = claims.LEASE_SECONDS
    ) -> None:
        self._engine = engine
        self._campaign_id = campaign_id
        self._lease = lease
        self._together = limits.together
        self._domains = Domains(campaign_id, limits.by_domain)
        self.replies = Replies(campaign_id)
        self._last_id = 0
        # A turn is one statement, and so one round trip. Commits stay in their places all the same: a connection that
        # SQLAlchemy had to open again has forgotten this option.
        self._marks = engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def open_batch(self, number: int) -> Batch | Wait | None:
        """Claim up to `number` deliveries and hold their recipients; None when nothing is due."""
        with ExitStack() as unless_all_is_well:
            locks = unless_all_is_well.enter_context(self._engine.connect())
            drawn = rates.draw(locks, self._campaign_id, number, self._together)
            locks.commit()
            if not drawn.number:
                return Wait(drawn.seconds)
            leased_until = time.monotonic() + self._lease
            claimed = self._claim(locks, drawn.number)
            if claimed is None:
                soonest = claims.soonest(locks, self._campaign_id)
                return Wait(soonest) if soonest is not None and soonest < SOON_SECONDS else None
            held = claims.hold(locks, claimed.batch_id)
            if len(held) < claimed.number:
                held = self._skip(claimed, held)
            held = self._domains.admit(self._engine, held)
            unless_all_is_well.pop_all()
        return Batch(claimed.batch_id, locks, held, len(held), leased_until)

    def _skip(self, claimed: Claimed, held: Held) -> Held:
        there = list(held)
        with self._engine.begin() as connection:
            claims.skip(connection, claimed.batch_id, there)
        return Held.of(there)

    def _claim(self, connection: Connection, number: int) -> Claimed | None:
        """Claim behind the last claim, where nothing is passed over; at the end from the start, with those woken."""
        claimed = claims.claim(connection, self._campaign_id, number, self._last_id, self._lease)
        if claimed is None:
            claims.wake(connection, self._campaign_id)
            claimed = claims.claim(connection, self._campaign_id, number, lease=self._lease)
        connection.commit()
        self._last_id = claimed.last_id if claimed is not None else 0
        return claimed

    def turn(self, outcomes: Sequence[Outcome], batch: Batch | None, window: Sequence[Claim]) -> bool:
        """Settle, and note that `window`, the next of the batch, is about to go; return whether it may.

        Both are one statement: no moment sees more of a batch on the wire than the windows that are open.
        """
        if batch is None or not window:
            self.settle(outcomes)
            return False
        leased_until = time.monotonic() + self._lease
        with self._clean_marks():
            may = claims.turn(self._marks, outcomes, batch.id, window[-1].id, self._lease)
            self._marks.commit()
            self.replies.write(self._marks)
        batch.leased_until = leased_until if may else batch.leased_until
        batch.locks.exec_driver_sql("SELECT 1")  # the locks are worth nothing if their connection is gone
        return may

    def renew(self, batches: Sequence[Batch]) -> bool:
        """Let the leases of batches last on; return whether to go on: all were ours, and it is being sent."""
        leased_until = time.monotonic() + self._lease
        with self._clean_marks():
            ours = claims.renew(self._marks, [batch.id for batch in batches], self._lease)
            goes_on = claims.goes_on(self._marks, self._campaign_id)
            self._marks.commit()
        for batch in batches:
            batch.leased_until = leased_until if batch.id in ours else 0.0
        return goes_on and len(ours) == len(batches)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write; while the database is away keep trying, because only we know what became of them.

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
        """Write the last replies, and give the connection back."""
        self.replies.write(self._marks, now=True)
        with suppress(SQLAlchemyError):
            self._marks.close()
