"""Sending a batch: lock the recipients, check who is still there, put on the wire in windows, settle.

Two database connections: the session's transaction holds the recipients' rows until the batch ends, so that
whoever leaves waits for it and nothing starts after they are gone; `marks` commits what is about to be sent
and what became of it, window by window.
"""

import logging
import time
from collections.abc import Iterator

from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from newsletter.campaigns import claims
from newsletter.campaigns.breaker import Breaker, OurFault
from newsletter.campaigns.claims import Claim, Outcome
from newsletter.campaigns.line import Line
from newsletter.campaigns.mails import Composer, RecipientRow, lock_recipients
from newsletter.campaigns.models import DeliveryState
from newsletter.core.db import db
from newsletter.core.errors import NewsletterError
from newsletter.core.stopping import stopping
from newsletter.mail.transport import Dropped, InDoubt, RelayAway, SendError

log = logging.getLogger(__name__)

LOCK_SECONDS = 5.0
"""How long a batch may hold recipients' rows before it gives the rest back. Leaving waits up to 8 s for them."""
WINDOW_SECONDS = 1.0
SETTLE_SECONDS = 30.0
POISON_ATTEMPTS = 3


class Sender:
    """Sends batches of one campaign over one line."""

    def __init__(self, campaign_id: int, composer: Composer, line: Line) -> None:
        self._campaign_id = campaign_id
        self._composer = composer
        self._line = line
        self._breaker = Breaker()
        self._held_since = 0.0
        self._size: int = current_app.config["SENDING_WINDOW"]

    def send(self, mine: list[Claim]) -> None:
        """Send what may be sent. Every claim is settled or given back, whatever happens.

        Raises `RelayAway` when the relay takes no mail now, `OurFault` when it refuses us and not a recipient.
        """
        with db.engine.connect() as marks:
            self._held_since = time.monotonic()
            left = mine
            try:
                self._line.open()
                rows = lock_recipients(db.session(), [claim.recipient_id for claim in mine if claim.recipient_id])
                left = [claim for claim in mine if claim.recipient_id in rows]
                _settle(marks, [Outcome(claim, DeliveryState.SKIPPED) for claim in mine if claim not in left])
                while left and not self._over():
                    window, left = left[: self._size], left[self._size :]
                    self._send_window(marks, window, rows)
            finally:
                _settle(marks, [Outcome(claim, DeliveryState.QUEUED) for claim in left])
                db.session.rollback()  # lets go of the recipients' rows

    def _over(self) -> bool:
        return stopping.is_set() or time.monotonic() - self._held_since > LOCK_SECONDS

    def _send_window(self, marks: Connection, window: list[Claim], rows: dict[int, RecipientRow]) -> None:
        may = claims.wire(marks, self._campaign_id, window)
        marks.commit()
        db.session.execute(text("SELECT 1"))  # the locks are worth nothing if their connection is gone
        outcomes: list[Outcome] = []
        try:
            for outcome in self._outcomes([claim for claim in window if claim.id in may], rows):
                outcomes.append(outcome)
                self._breaker.note(outcome)
        finally:
            done = {outcome.claim for outcome in outcomes}
            back = [Outcome(claim, DeliveryState.QUEUED) for claim in window if claim not in done]
            _settle(marks, outcomes + back)
        self._breaker.check()

    def _outcomes(self, window: list[Claim], rows: dict[int, RecipientRow]) -> Iterator[Outcome]:
        started = time.monotonic()
        for claim in window:
            if self._over() or time.monotonic() - started > WINDOW_SECONDS:
                return
            yield self._send_one(claim, rows[claim.recipient_id or 0])

    def _send_one(self, claim: Claim, row: RecipientRow) -> Outcome:
        try:
            mail = self._composer.mail(row)
        except (ValueError, LookupError, NewsletterError) as error:
            log.error("delivery %s can't be composed: %s", claim.id, type(error).__name__)
            return Outcome(claim, DeliveryState.FAILED)
        try:
            reply = self._line.deliver(mail)
        except Dropped:
            # It did not go. But a mail on which the relay hangs up again and again must not hold up the others.
            again = DeliveryState.DEFERRED if claim.attempt >= POISON_ATTEMPTS else DeliveryState.QUEUED
            return Outcome(claim, again)
        except InDoubt:
            return Outcome(claim, DeliveryState.IN_DOUBT)
        except RelayAway:
            raise
        except SendError as error:
            return _refused(claim, error)
        return Outcome(claim, DeliveryState.SENT, reply.code, reply.status)


def _refused(claim: Claim, error: SendError) -> Outcome:
    if error.permanent and not error.recipient:
        raise OurFault(error.reply)
    state = DeliveryState.FAILED if error.permanent else DeliveryState.DEFERRED
    return Outcome(claim, state, error.reply.code if error.reply else None, error.reply.status if error.reply else None)


def _settle(marks: Connection, outcomes: list[Outcome]) -> None:
    """Write and commit; while the database is away keep trying, because only we know what became of them."""
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            claims.settle(marks, outcomes)
            marks.commit()
            return
        except OperationalError:
            if time.monotonic() > give_up:
                raise
            marks.rollback()
            time.sleep(0.5)
