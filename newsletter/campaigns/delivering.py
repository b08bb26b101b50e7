"""Sending a campaign: several lines to the relay, driven by one selector, and a desk that keeps the books.

The loop composes, writes and reads; the desk works in a thread beside it, so that no line waits for a
commit. Whatever is on the wire has been written down before, a window of mails at a time.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from flask import Flask

from newsletter.campaigns.breaker import Breaker, OurFault
from newsletter.campaigns.claims import Claim, Outcome
from newsletter.campaigns.desk import Batch, Desk
from newsletter.campaigns.fates import outcome_of
from newsletter.campaigns.mails import Composer
from newsletter.campaigns.models import DeliveryState
from newsletter.campaigns.pace import Pace
from newsletter.core.errors import NewsletterError
from newsletter.mail.exchange import Exchange
from newsletter.mail.pipeline import Letter, Verdict
from newsletter.mail.transport import RelayAway

log = logging.getLogger(__name__)

LOCK_SECONDS = 5.0
"""How long a batch may hold recipients' rows before it gives the rest back. Leaving waits up to 8 s for them."""
LAST_WORDS_SECONDS = 20.0
"""How long the end waits for replies that are owed; platforms kill after 30 s."""
WINDOW_PER_LINE = 8
IDLE_SECONDS = 0.25


class Sender:
    """Sends what is due of one campaign, until `enough()` says so or nothing is due."""

    def __init__(
        self, app: Flask, desk: Desk, composer: Composer, connections: int, enough: Callable[[], bool]
    ) -> None:
        self._desk = desk
        self._composer = composer
        self._enough = enough
        self._exchange = Exchange(app, connections)
        self._window = WINDOW_PER_LINE * connections
        self._breaker = Breaker()
        self._pace = Pace()
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._work: tuple[Future[Any], Callable[[Any], None]] | None = None
        self._batches: list[Batch] = []
        self._ready: deque[tuple[Batch, Claim]] = deque()
        self._outcomes: list[Outcome] = []
        self._dry = self._ending = False
        self._error: NewsletterError | None = None

    def run(self) -> None:
        """Send. Every claim is settled or given back, whatever happens.

        Raises `RelayAway` when the relay takes no mail now, `OurFault` when it refuses us and not a recipient.
        """
        with self._exchange, self._clerk:
            try:
                self._loop()
            finally:
                for batch in self._batches:
                    batch.close()
        if self._error is not None:
            raise self._error

    def _loop(self) -> None:
        give_up = float("inf")
        while not self._finished():
            self._ending = self._ending or self._error is not None or self._enough()
            if self._ending:
                give_up = min(give_up, time.monotonic() + LAST_WORDS_SECONDS)
            self._give_back()
            self._keep_books()
            self._fill()
            late = time.monotonic() > give_up
            for verdict in self._exchange.abandon() if late else self._exchange.step(IDLE_SECONDS):
                self._take(verdict)
            if self._exchange.away is not None and self._error is None:
                away = self._exchange.away
                self._error = OurFault(away.reply) if away.permanent else away

    def _finished(self) -> bool:
        over = self._ending or self._dry
        return over and not (self._work or self._batches or self._outcomes or self._exchange.load)

    # -- the books

    def _keep_books(self) -> None:
        """Take the desk's last work in, and give it the next."""
        if self._work is not None:
            future, apply = self._work
            if not future.done():
                return
            self._work = None
            apply(future.result())
        self._batches = [batch for batch in self._batches if not self._closed(batch)]
        current = next((batch for batch in self._batches if batch.waiting), None)
        if current is not None and len(self._ready) < self._window:
            self._wire(current)
        elif self._may_claim(current):
            self._assign(lambda: self._desk.open_batch(self._pace.batch), self._opened)
        elif self._outcomes and (len(self._outcomes) >= self._window or self._exchange.load == 0):
            self._settle()

    def _assign(self, work: Callable[[], Any], apply: Callable[[Any], None]) -> None:
        future = self._clerk.submit(work)
        self._work = (future, apply)
        future.add_done_callback(lambda _future: self._exchange.wake())

    def _may_claim(self, current: Batch | None) -> bool:
        """The next batch is claimed while the last of this one are on their way, so that no line runs dry."""
        if self._ending or self._dry or len(self._batches) > 1:
            return False
        return current is None or len(current.waiting) < self._window

    def _opened(self, batch: Batch | None) -> None:
        if batch is None:
            self._dry = True
            return
        self._pace.mark()
        self._batches.append(batch)

    def _wire(self, batch: Batch) -> None:
        window = [batch.waiting.popleft() for _ in range(min(self._window, len(batch.waiting)))]
        outcomes, self._outcomes = self._outcomes, []
        self._assign(lambda: self._desk.turn(outcomes, batch, window), lambda may: self._wired(batch, window, may))

    def _wired(self, batch: Batch, window: list[Claim], may: set[int]) -> None:
        for claim in window:
            if claim.id in may:
                self._ready.append((batch, claim))
            else:  # paused, cancelled, or no longer ours
                self._ending = True
                self._note(batch, Outcome(claim, DeliveryState.QUEUED))

    def _settle(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._assign(lambda: self._desk.turn(outcomes, None, ()), lambda _none: None)

    def _closed(self, batch: Batch) -> bool:
        if batch.waiting or batch.open:
            return False
        batch.close()
        return True

    def _give_back(self) -> None:
        """Return what has not begun: of everything when the end has come, of a batch that took too long."""
        late = [batch for batch in self._batches if time.monotonic() - batch.since > LOCK_SECONDS]
        if not self._ending and not late:
            return
        for batch in self._batches if self._ending else late:
            while batch.waiting:
                self._note(batch, Outcome(batch.waiting.popleft(), DeliveryState.QUEUED))
        back = [letter.key for letter in self._exchange.release()]
        for _ in range(len(self._ready)):
            item = self._ready.popleft()
            if self._ending or item[0] in late:
                back.append(item)
            else:
                self._ready.append(item)
        for batch, claim in back:
            self._note(batch, Outcome(claim, DeliveryState.QUEUED))

    # -- the lines

    def _fill(self) -> None:
        """Compose as many mails as the lines have room for."""
        if self._ready and not self._ending:
            self._exchange.open(1 + sum(batch.open for batch in self._batches) // WINDOW_PER_LINE)
        for _ in range(min(self._exchange.room, len(self._ready))):
            batch, claim = self._ready.popleft()
            try:
                mail = self._composer.mail(batch.rows[claim.recipient_id or 0])
            except (ValueError, LookupError, NewsletterError) as error:
                log.error("delivery %s can't be composed: %s", claim.id, type(error).__name__)
                self._note(batch, Outcome(claim, DeliveryState.FAILED))
                continue
            self._exchange.feed(Letter((batch, claim), mail.envelope_from, mail.to, mail.message))

    def _take(self, verdict: Verdict) -> None:
        batch, claim = verdict.letter.key  # what `_fill` put there
        try:
            outcome = outcome_of(claim, verdict)
        except OurFault as error:
            self._error = self._error or error
            outcome = Outcome(claim, DeliveryState.QUEUED)
        self._note(batch, outcome)
        self._breaker.note(outcome)
        try:
            self._breaker.check()
        except (OurFault, RelayAway) as error:
            self._error = self._error or error

    def _note(self, batch: Batch, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._pace.count += 1
        batch.open -= 1
