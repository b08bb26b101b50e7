"""Sending a campaign: several lines to the relay, driven by one selector, and a ledger that keeps the books.

The loop composes, writes and reads; the database's work goes on in threads beside it, so that no line waits
for a commit. Whatever is on the wire has been written down before, some mails at a time.
"""

import logging
import time
from collections.abc import Callable

from flask import Flask

from newsletter.campaigns.breaker import Breaker
from newsletter.campaigns.desk import Desk
from newsletter.campaigns.fates import is_unknown, outcome_of
from newsletter.campaigns.faults import KEYS, OurFault
from newsletter.campaigns.held import Claim, Outcome
from newsletter.campaigns.ledger import Ledger
from newsletter.campaigns.mails import NOT_MADE, Composer
from newsletter.campaigns.models import DeliveryState
from newsletter.campaigns.pace import Pace
from newsletter.core.errors import NewsletterError
from newsletter.core.sealing import Unsealable
from newsletter.core.stopping import stopping
from newsletter.mail.exchange import Exchange
from newsletter.mail.pipeline import Letter, Verdict
from newsletter.mail.replies import RelayAway

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 20.0
"""How long a process that is to end waits for replies that are owed; platforms kill after 30 s."""
WORTH_A_LINE = 4
"""Another connection is opened for as many mails."""
IDLE_SECONDS = 0.25
_SENT, _FAILED = DeliveryState.SENT, DeliveryState.FAILED


class Sender:
    """Sends what is due of one campaign, until `enough()` says so or nothing is due."""

    def __init__(
        self,
        app: Flask,
        desk: Desk,
        composer: Composer,
        connections: int,
        enough: Callable[[], bool],
        breaker: Breaker,
    ) -> None:
        self._composer = composer
        self._enough = enough
        self._replies = desk.replies
        self._exchange = Exchange(app, connections, self._next)
        self._ledger = Ledger(desk, Pace(connections), self._exchange.wake)
        self.breaker = breaker
        self.useful = False
        """Whether the relay has taken a mail."""
        self._error: NewsletterError | None = None

    def run(self) -> None:
        """Send. Every claim is settled or given back, unless the process is made to end while the database is away.

        Raises `RelayAway` when the relay takes no mail now, `OurFault` when it refuses us and not a recipient.
        """
        with self._exchange:
            try:
                self._loop()
            finally:
                self._ledger.close()
        if self._error is not None:
            raise self._error

    def _loop(self) -> None:
        ledger, exchange = self._ledger, self._exchange
        give_up = float("inf")
        while True:
            ledger.ending = ledger.ending or self._error is not None or self._enough()
            if stopping.is_set():
                give_up = min(give_up, time.monotonic() + LAST_WORDS_SECONDS)
            if ledger.recall():
                self._composer.forget()
            ledger.keep(idle=not exchange.load)
            if self._over:
                return
            exchange.until = ledger.leased_until
            if ledger.ready:
                exchange.open(1 + ledger.open // WORTH_A_LINE)
                exchange.serve()
            if time.monotonic() > give_up:
                exchange.abandon()
            for verdict in exchange.step(IDLE_SECONDS):
                self._take(verdict)
            if exchange.away is not None:
                self._replies.note(exchange.away.reply)
                self._fail(OurFault(exchange.away.reply) if exchange.away.permanent else exchange.away)

    @property
    def _over(self) -> bool:
        """Whether nothing more is to be begun, and what was has its fate, written down."""
        ledger = self._ledger
        return (ledger.ending or ledger.dry) and ledger.balanced and not self._exchange.load

    def _fail(self, error: NewsletterError) -> None:
        self._error = self._error or error

    def _next(self) -> Letter | None:
        """Compose the next mail; None when none may go now."""
        ledger = self._ledger
        while ledger.ready and self._error is None and not ledger.ending:
            letter = self._letter(ledger.ready.popleft())
            if letter is not None:
                return letter
        return None

    def _letter(self, claim: Claim) -> Letter | None:
        try:
            return self._composer.letter(claim, self._ledger.ready)
        except Unsealable:  # a key is missing, and every other mail would fare alike
            self._fail(OurFault(None, KEYS))
            self._ledger.give_back([claim])
        except NOT_MADE as error:
            log.error("delivery %s can't be composed: %s", claim.id, type(error).__name__)
            self._ledger.note(Outcome(claim, DeliveryState.FAILED))
        return None

    def _take(self, verdict: Verdict) -> None:
        claim: Claim = verdict.letter.key
        self._replies.note(verdict.reply)
        try:
            outcome = outcome_of(claim, verdict)
        except OurFault as error:
            self._fail(error)
            outcome = Outcome(claim, DeliveryState.QUEUED)
        self._ledger.note(outcome)
        self.useful = self.useful or outcome.state is _SENT
        try:
            self.breaker.note(outcome, unknown=outcome.state is _FAILED and is_unknown(verdict))
        except (OurFault, RelayAway) as error:
            self._fail(error)
