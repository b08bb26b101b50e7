"""Refusals that are our fault and not a recipient's: what they are, and what staff are told to do about them."""

from newsletter.core.errors import NewsletterError
from newsletter.core.i18n import gettext as _
from newsletter.mail.replies import Reply

REFUSES = "the relay refuses"
LOGIN = "the relay does not let us in"
SENDER = "the relay refuses the sender"
SIZE = "the mail is too large for the relay"
FAILURES = "too many mails are refused"
KEYS = "addresses can't be opened: a key is missing in SECRET_KEY_FALLBACKS"
RESTORED = "the database was set back to a backup"
_LOGIN_CODES = (530, 534, 535, 538)  # RFC 4954 §6
_SENDER_STATUSES = ("5.1.7", "5.1.8")  # RFC 3463 §3.2: about the sender, wherever it is said
_TOO_LARGE = 552


class OurFault(NewsletterError):
    """It is not about a recipient: wrong login or sender, a policy, too many refusals, or a missing key."""

    def __init__(self, reply: Reply | None, reason: str = "") -> None:
        reason = reason or _reason(reply)
        super().__init__(f"{reason}: {reply.code} {reply.status}".strip() if reply else reason)


def is_ours(reply: Reply) -> bool:
    """Return whether the relay refuses us with this, although it answers to a recipient or a mail.

    >>> [is_ours(reply) for reply in (Reply(550, "5.7.1"), Reply(552, "5.3.4"), Reply(550, "5.1.1"))]
    [True, True, False]
    """
    return reply.policy or (reply.code >= 500 and _reason(reply) != REFUSES)


def is_unknown_address(reply: Reply) -> bool:
    """Return whether this answer to RCPT says for good that there is no such address (RFC 3463 §3.2)."""
    return reply.code >= 500 and reply.status.startswith("5.1.") and reply.status not in _SENDER_STATUSES


def _reason(reply: Reply | None) -> str:
    if reply is None:
        return REFUSES
    if reply.code in _LOGIN_CODES:
        return LOGIN
    if reply.status in _SENDER_STATUSES:
        return SENDER
    # With 5.2.x it is one recipient's mailbox that is full.
    return SIZE if reply.code == _TOO_LARGE and not reply.status.startswith("5.2.") else REFUSES


def explain(stored: str) -> str:
    """Return the reason of a pause, as it is stored, in the reader's language."""
    reason, _colon, reply = stored.partition(": ")
    words = {
        REFUSES: _("the relay refuses"),
        LOGIN: _("the relay does not let us in"),
        SENDER: _("the relay refuses the sender"),
        SIZE: _("the mail is too large for the relay"),
        FAILURES: _("too many mails are refused"),
        RESTORED: _("the database was set back to a backup"),
    }
    if stored == KEYS:
        return _("addresses can't be opened: a key is missing in SECRET_KEY_FALLBACKS")
    if reason not in words:
        return stored
    return f"{words[reason]} ({reply})" if reply else words[reason]


def advise(stored: str) -> str:
    """Return what to do about the reason of a pause, in the reader's language; nothing where that is said already."""
    advice = {
        REFUSES: _(
            "Its rules do not let this mail pass. Ask whoever runs the relay whether the sender's address may be used "
            "there, and what it has against the mail."
        ),
        LOGIN: _("Whoever hosts this service has to check MAIL_USERNAME and MAIL_PASSWORD."),
        SENDER: _("Check the sender's address of the newsletter: the relay has to know it and to allow it."),
        SIZE: _("Ask whoever runs the relay to allow larger mails, or cancel this campaign and send a shorter one."),
        FAILURES: _(
            "So many at once have their cause with us or with the relay, not with the people. Nobody was removed for "
            "it. Ask whoever runs the relay before you resume."
        ),
        RESTORED: _(
            "Mails may have gone out since that backup was made. Those that were open in it are in doubt now, and go "
            "out again only if you say so."
        ),
    }
    return advice.get(stored.partition(": ")[0], "")
