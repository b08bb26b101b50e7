"""The one SMTP connection: Flask-Mail's settings and its Connection, with what it lacks: verified TLS, timeouts, the
next relay when one is away, and errors that say in which phase it happened and whose fault it was."""

import smtplib
import ssl
from types import TracebackType
from typing import Self

from flask import current_app
from flask_mail import Connection

from newsletter.mail.message import Email, serialise
from newsletter.mail.relays import Relays, relays
from newsletter.mail.replies import COMPLETED, INTERMEDIATE, Dropped, InDoubt, RelayAway, Reply, SendError, Unusable

CONNECT_SECONDS = 10
FINAL_DOT_SECONDS = 60


class Relay(Connection):
    """A connection to the relay. Use as a context manager; `deliver` any number of mails."""

    host: smtplib.SMTP | None

    def __init__(self, relays: Relays) -> None:
        super().__init__(relays.all[0])
        self._relays = relays

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
        """Open the connection, to the first relay that takes us in.

        Raises `RelayAway` when none does: permanent when none ever will, `Unusable` when the settings can't be used.
        """
        errors: list[RelayAway] = []
        for settings in self._relays.order():
            self.mail = settings
            try:
                self.host = self._open()
                return self
            except RelayAway as error:
                self.rest()
                errors.append(error)
        raise min(errors, key=lambda error: error.permanent)

    def rest(self) -> None:
        """Say that this relay takes nothing from us now: another is tried first for a while."""
        self._relays.rest(self.mail)

    def _open(self) -> smtplib.SMTP:
        try:
            return self.configure_host()
        except smtplib.SMTPResponseException as error:
            raise RelayAway(
                Reply.read(error.smtp_code, _octets(error.smtp_error)), permanent=error.smtp_code >= 500
            ) from None
        except (OSError, smtplib.SMTPException):
            raise RelayAway from None
        except ValueError:  # smtplib writes ASCII only; its error holds the password
            raise Unusable from None

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


def relay() -> Relay:
    """Return a connection to one of the relays, not yet open."""
    return Relay(relays())
