"""When the relay refuses one after the other, the fault is ours: the campaign pauses, and nobody is removed."""

from collections import deque

from newsletter.campaigns.claims import Outcome
from newsletter.campaigns.models import DeliveryState
from newsletter.core.errors import NewsletterError
from newsletter.core.i18n import gettext as _
from newsletter.mail.transport import RelayAway, Reply

IN_A_ROW = 10
OF_THE_LAST, AT_MOST = 50, 10
POLICIES = 3
REFUSES = "the relay refuses"
KEYS = "addresses can't be opened: a key is missing in SECRET_KEY_FALLBACKS"


class OurFault(NewsletterError):
    """It is not about a recipient: wrong login or sender, a policy, too many refusals, or a missing key."""

    def __init__(self, reply: Reply | None, reason: str = REFUSES) -> None:
        super().__init__(f"{reason}: {reply.code} {reply.status}".strip() if reply else reason)
        self.reply = reply


def explain(reason: str) -> str:
    """Return the reason of a pause, as it is stored, in the reader's language."""
    if reason == KEYS:
        return _("addresses can't be opened: a key is missing in SECRET_KEY_FALLBACKS")
    if not reason.startswith(REFUSES):
        return reason
    reply = reason.removeprefix(REFUSES).removeprefix(": ")
    return _("the relay refuses: %(reply)s", reply=reply) if reply else _("the relay refuses")


class Breaker:
    """Watches the outcomes of one worker's slice of a campaign."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque([False] * OF_THE_LAST, OF_THE_LAST)
        self._failed = 0
        self._in_a_row = 0
        self._reply: Reply | None = None
        self._dropped = self._policies = 0

    def note(self, outcome: Outcome) -> None:
        """Take one outcome into account.

        Raises `OurFault` when it is no longer about single recipients, `RelayAway` when the relay only hangs up.
        """
        failed = outcome.state is DeliveryState.FAILED
        self._failed += failed - self._last[0]
        self._last.append(failed)
        if outcome.state is DeliveryState.SENT:
            self._dropped = self._in_a_row = 0
            return
        dropped = outcome.code is None and outcome.state in (DeliveryState.QUEUED, DeliveryState.DEFERRED)
        self._dropped = self._dropped + 1 if dropped else 0
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._policies += Reply(outcome.code or 0, outcome.status or "").policy
        if outcome.code and outcome.code >= 500:
            self._reply = Reply(outcome.code, outcome.status or "")
        self._check()

    def _check(self) -> None:
        if self._dropped >= IN_A_ROW:
            raise RelayAway
        if self._failed > AT_MOST or self._policies >= POLICIES or self._in_a_row >= IN_A_ROW:
            raise OurFault(self._reply)
