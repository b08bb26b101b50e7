"""When the relay refuses one after the other, the fault is ours: the campaign pauses, and nobody is removed."""

from collections import deque

from newsletter.campaigns.faults import FAILURES, OurFault, is_ours
from newsletter.campaigns.held import Outcome
from newsletter.campaigns.models import DeliveryState
from newsletter.mail.replies import RelayAway, Reply

IN_A_ROW = 10
OF_THE_LAST, AT_MOST = 50, 10
OURS = 3
_SENT, _FAILED = DeliveryState.SENT, DeliveryState.FAILED


class Breaker:
    """Watches the outcomes of one worker's slice of a campaign. `memory` is that of the slice before."""

    def __init__(self, memory: int = 0) -> None:
        self._last = deque((bool(memory >> age & 1) for age in reversed(range(OF_THE_LAST))), OF_THE_LAST)
        self._failed = sum(self._last)
        self._in_a_row = 0
        while self._in_a_row < OF_THE_LAST and memory >> self._in_a_row & 1:
            self._in_a_row += 1
        self._reply: Reply | None = None
        self._dropped = self._ours = self._number = 0
        self._unknown: list[tuple[int, int]] = []

    @property
    def memory(self) -> int:
        """The last outcomes as bits, the newest the lowest: 1 for a mail that was refused for good."""
        return sum(failed << age for age, failed in enumerate(reversed(self._last)))

    def unknown(self) -> list[tuple[int, int]]:
        """Return the recipients who were said not to exist, each with how many outcomes ago that was."""
        return [(recipient_id, self._number - number) for recipient_id, number in self._unknown]

    def note(self, outcome: Outcome, *, unknown: bool = False) -> None:
        """Take one outcome into account. `unknown`: the relay said that there is no such address.

        Raises `OurFault` when it is no longer about single recipients, `RelayAway` when the relay only hangs up.
        """
        self._number += 1
        state = outcome.state
        failed = state is _FAILED
        self._failed += failed - self._last[0]
        self._last.append(failed)
        if state is _SENT:
            self._dropped = self._in_a_row = 0
            return
        if unknown:
            self._unknown.append((outcome.claim.recipient_id, self._number))
        dropped = outcome.code is None and state in (DeliveryState.QUEUED, DeliveryState.DEFERRED)
        self._dropped = self._dropped + 1 if dropped else 0
        self._in_a_row = self._in_a_row + 1 if failed else 0
        if outcome.code and outcome.code >= 500:
            self._reply = Reply(outcome.code, outcome.status or "")
            self._ours += is_ours(self._reply)
        self._check()

    def _check(self) -> None:
        if self._dropped >= IN_A_ROW:
            raise RelayAway
        if self._ours >= OURS:
            raise OurFault(self._reply)
        if self._failed > AT_MOST or self._in_a_row >= IN_A_ROW:
            raise OurFault(self._reply, FAILURES)
