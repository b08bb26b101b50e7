"""What a relay says, and what can go wrong with a mail: in which phase, and whose fault it was."""

from dataclasses import dataclass
from typing import Self

from newsletter.core.errors import NewsletterError

STATUS_OCTETS = 9
COMPLETED, INTERMEDIATE = 2, 3
"""First digits of replies: done; go on (RFC 5321 §4.2.1). The others may be new to us (§4.3.2)."""
RECIPIENT_CODES = frozenset({550, 551, 553, 556})
"""Replies to RCPT that speak of the address by themselves (RFC 5321 §4.2.3, RFC 7504 §4). Not 552, which also means
too many recipients (§4.5.3.1.10), and not 554, with which relays turn away whoever asks."""
SENDER_STATUSES = ("5.1.7", "5.1.8")
"""The sender's address is bad (RFC 3463 §3.2). Many relays hold this back until they see RCPT."""


@dataclass(frozen=True)
class Reply:
    """What the relay said, without its text (which may hold the address): 250 and "2.0.0"."""

    code: int
    status: str = ""

    @classmethod
    def read(cls, code: int, text: bytes) -> Self:
        """Take the enhanced status code (RFC 3463 §2) out of a reply, when there is one."""
        first = text.split(b" ", 1)[0].split(b"\n", 1)[0][:STATUS_OCTETS].decode("ascii", "replace")
        parts = first.split(".")
        enhanced = len(parts) == 3 and all(p.isdecimal() for p in parts) and parts[0] == str(code)[:1]
        return cls(code, first if enhanced else "")

    def is_a(self, first_digit: int) -> bool:
        """Whether the code is of this kind, whatever its other digits (RFC 5321 §4.2)."""
        return self.code // 100 == first_digit

    @property
    def policy(self) -> bool:
        """Whether it is a refusal for good by security or policy (RFC 3463 §3.8): ours to mend, not the recipient's.

        >>> Reply.read(554, b"5.7.1 Relay access denied").policy, Reply(550, "5.1.1").policy
        (True, False)
        """
        return self.status.startswith("5.7.")

    def refuses_recipient(self, *, at_rcpt: bool) -> bool:
        """Whether it refuses this one address, rather than us, our sender or the mail.

        A status of addresses or mailboxes (RFC 3463 §3.2, §3.3) says so anywhere. Without one, the code says so
        in answer to RCPT; after the data, 550 is a matter of policy (RFC 5321 §4.3.2).

        >>> Reply(554, "5.2.1").refuses_recipient(at_rcpt=False), Reply(550, "5.1.8").refuses_recipient(at_rcpt=True)
        (True, False)
        >>> Reply(550).refuses_recipient(at_rcpt=True), Reply(554).refuses_recipient(at_rcpt=True)
        (True, False)
        """
        if self.policy or self.status in SENDER_STATUSES:
            return False
        return self.status.startswith(("5.1.", "5.2.")) or (at_rcpt and self.code in RECIPIENT_CODES)


class SendError(NewsletterError):
    """The mail was not accepted. `permanent`: trying again is no use. `recipient`: it is about this one
    address; otherwise the relay or our own settings are at fault and every mail would fare alike."""

    without_reply = "the relay is away"

    def __init__(self, reply: Reply | None, *, permanent: bool, recipient: bool) -> None:
        super().__init__(f"not accepted: {reply.code} {reply.status}" if reply else self.without_reply)
        self.reply = reply
        self.permanent = permanent
        self.recipient = recipient


class RelayAway(SendError):
    """The relay can't be reached, does not let us in, or says it is closing (421): nothing has gone out."""

    def __init__(self, reply: Reply | None = None, *, permanent: bool = False) -> None:
        super().__init__(reply, permanent=permanent, recipient=False)


class Unusable(RelayAway):
    """The settings can't be used with any relay."""

    without_reply = "MAIL_SERVER, MAIL_USERNAME or MAIL_PASSWORD holds what can't be sent: only ASCII can"

    def __init__(self) -> None:
        super().__init__(permanent=True)


class Dropped(RelayAway):
    """The connection broke before this message was handed over whole: it has not gone out."""


class InDoubt(NewsletterError):
    """The connection broke between the final dot and the reply: the mail may have gone (RFC 1047)."""
