"""A mail is a value; `serialise` makes the bytes. Flask-Mail's own serialisation is not used: it encodes a
long List-Unsubscribe, sends raw 8-bit lines of any length and lets line breaks through (docs/decisions)."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from newsletter.mail import mime


@dataclass(frozen=True, kw_only=True)
class Email:
    """One mail to one person, ready but not yet bytes.

    Addresses are ASCII as `address.parse` returns them; names and the subject may be any text without line
    breaks. `headers` (ASCII) come on top of `From To Date Message-ID Subject Reply-To`.
    """

    to: str
    subject: str
    text: str
    html: str
    from_name: str
    from_address: str
    message_id: str
    reply_to: str = ""
    envelope_from: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def message_id(domain: str, left: str = "") -> str:
    """Return a Message-ID on the sender's domain; random unless `left` makes a repeated mail recognisable."""
    return f"<{left or secrets.token_hex(16)}@{domain}>"


def boundary() -> str:
    """Return a boundary that no part can hold: quoted-printable never writes `=_`."""
    return f"=_{secrets.token_hex(12)}"


def serialise(email: Email) -> bytes:
    """Return the bytes for DATA: CRLF, 7-bit, no line over 998 octets (RFC 5322 §2.1.1); not dot-stuffed.

    Raises `mime.BadHeader` for a value that would break out of its header.
    """
    lines = [
        mime.mailbox_header("From", email.from_name, email.from_address),
        mime.header("To", email.to),
        mime.header("Date", format_datetime(datetime.now(UTC))),
        mime.header("Message-ID", email.message_id),
        mime.text_header("Subject", email.subject),
    ]
    if email.reply_to:
        lines.append(mime.header("Reply-To", email.reply_to))
    lines += [mime.header(name, value) for name, value in email.headers.items()]
    before, between, behind = mime.frame(boundary())
    parts = (before, mime.quoted_printable(email.text), between, mime.quoted_printable(email.html), behind)
    return b"".join((*lines, *parts))
