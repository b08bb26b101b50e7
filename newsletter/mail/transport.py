"""The one SMTP connection: Flask-Mail's settings and its Connection, with what it lacks — verified TLS,
timeouts, and errors that say in which phase it happened and whose fault it was."""

import smtplib
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from flask import Flask, current_app
from flask_mail import Connection, Mail

from newsletter.core.errors import NewsletterError
from newsletter.mail.message import Email, serialise

CONNECT_SECONDS = 10
FINAL_DOT_SECONDS = 60
STATUS_OCTETS = 9
COMPLETED, INTERMEDIATE = 2, 3
"""First digits of replies: done; go on (RFC 5321 §4.2.1). The others may be new to us (§4.3.2)."""
RECIPIENT_CODES = frozenset({550, 551, 553, 556})
"""Replies to RCPT that speak of the address by themselves (RFC 5321 §4.2.3, RFC 7504 §4). Not 552, which also means
too many recipients (§4.5.3.1.10), and not 554, with which relays turn away whoever asks."""
SENDER_STATUSES = ("5.1.7", "5.1.8")
"""The sender's address is bad (RFC 3463 §3.2). Many relays hold this back until they see RCPT."""
mail = Mail()


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


class Relay(Connection):
    """A connection to the relay. Use as a context manager; `deliver` any number of mails."""

    host: smtplib.SMTP | None

    def configure_host(self) -> smtplib.SMTP:
        """Connect, encrypt and log in. Certificates are verified; nothing waits for ever."""
        settings = self.mail
        context = ssl.create_default_context() if settings.use_ssl or settings.use_tls else None
        if settings.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.server, settings.port, timeout=CONNECT_SECONDS, context=context
            )
        else:
            host = smtplib.SMTP(settings.server, settings.port, timeout=CONNECT_SECONDS)
        try:
            if settings.use_tls:
                host.starttls(context=context)
            if settings.username and settings.password:
                host.login(settings.username, settings.password)
            host.ehlo_or_helo_if_needed()
            _set_timeout(host, current_app.config["MAIL_TIMEOUT"])
        except BaseException:
            host.close()
            raise
        return host

    def __enter__(self) -> Self:
        """Open the connection; raise `RelayAway` when that can't be done, `Unusable` when it never can."""
        try:
            self.host = self.configure_host()
        except smtplib.SMTPResponseException as error:
            raise RelayAway(
                Reply.read(error.smtp_code, _octets(error.smtp_error)), permanent=error.smtp_code >= 500
            ) from None
        except (OSError, smtplib.SMTPException):
            raise RelayAway from None
        except ValueError:  # smtplib writes ASCII only; its error holds the password
            raise Unusable from None
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Say goodbye, if the relay still listens."""
        if self.host is None:
            return
        try:
            self.host.quit()
        except (OSError, smtplib.SMTPException):
            self.host.close()

    def close(self) -> None:
        """Let go of a connection that is of no more use, without a goodbye."""
        if self.host is not None:
            self.host.close()
            self.host = None

    def deliver(self, *, envelope_from: str, to: str, message: bytes) -> Reply:
        """Hand over one message; return the relay's reply to the final dot.

        Raises `SendError` (this mail was refused, the connection is fine), `RelayAway` or `Dropped` (it has not
        gone), or `InDoubt` (it may have gone). After these three the connection is of no more use.
        """
        host = self.host
        if host is None:
            raise RelayAway
        try:
            self._expect(host.mail(envelope_from))
            self._expect(host.rcpt(to), at_rcpt=True)
            self._expect(host.docmd("DATA"), good=INTERMEDIATE)
            host.send(_stuffed(message))
        except (OSError, smtplib.SMTPException):
            raise Dropped from None
        return self._final(host)

    def hand_over(self, email: Email) -> Reply:
        """Deliver one mail; raise as `deliver` does, or `mime.BadHeader`."""
        return self.deliver(
            envelope_from=email.envelope_from or email.from_address, to=email.to, message=serialise(email)
        )

    def _final(self, host: smtplib.SMTP) -> Reply:
        try:
            _set_timeout(host, FINAL_DOT_SECONDS)
            code, text = host.getreply()
            _set_timeout(host, current_app.config["MAIL_TIMEOUT"])
        except (OSError, smtplib.SMTPException):
            raise InDoubt("The connection broke before the relay answered the final dot.") from None
        reply = Reply.read(code, text)
        if code == -1:
            raise InDoubt("What the relay answered to the final dot is no reply.")
        if code == 421:
            raise RelayAway(reply)
        if not reply.is_a(COMPLETED):
            raise SendError(reply, permanent=code >= 500, recipient=reply.refuses_recipient(at_rcpt=False))
        return reply

    def _expect(self, answer: tuple[int, bytes], *, at_rcpt: bool = False, good: int = COMPLETED) -> None:
        code, text = answer
        reply = Reply.read(code, text)
        if reply.is_a(good):
            return
        if code == -1:
            raise Dropped
        if code == 421:
            raise RelayAway(reply)
        if self.host is not None:
            self.host.rset()
        raise SendError(reply, permanent=code >= 500, recipient=at_rcpt and reply.refuses_recipient(at_rcpt=True))


def _set_timeout(host: smtplib.SMTP, seconds: float) -> None:
    if host.sock is None:
        raise smtplib.SMTPServerDisconnected("the connection is closed")
    host.sock.settimeout(seconds)


def _octets(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("ascii", "replace")


def _stuffed(message: bytes) -> bytes:
    """Return the message with leading dots doubled (RFC 5321 §4.5.2) and the final dot behind it."""
    body = message.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def init_app(app: Flask) -> None:
    """Read Flask-Mail's settings from the app."""
    mail.init_app(app)


def relay() -> Relay:
    """Return a connection to the relay that MAIL_SERVER names, not yet open."""
    return Relay(current_app.extensions["mail"])
