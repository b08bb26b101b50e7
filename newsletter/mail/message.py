"""A mail is a value; `serialise` makes the bytes. Flask-Mail's own serialisation is not used: it encodes a
long List-Unsubscribe, sends raw 8-bit lines of any length and lets line breaks through (docs/decisions)."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from newsletter.core.errors import NewsletterError

# Long enough that a header with a URL is never folded into an encoded word (RFC 2047 §5 forbids that in a
# structured field), short enough for RFC 5322 §2.1.1.
POLICY = policy.SMTP.clone(max_line_length=998, cte_type="7bit")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")


class BadHeader(NewsletterError):
    """A header value holds a line break or another control character."""


@dataclass(frozen=True, kw_only=True)
class Email:
    """One mail to one person, ready but not yet bytes.

    Addresses are ASCII as `address.parse` returns them; names may be any text without line breaks.
    `headers` come on top of `From To Date Message-ID Subject Reply-To`.
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


def single_line(value: str, name: str) -> str:
    """Return `value`; raise `BadHeader` when it would break out of header `name` (trust: S-11)."""
    if CONTROL.search(value):
        raise BadHeader(f"The header {name} holds a line break or a control character.")
    return value


def build(email: Email) -> EmailMessage:
    """Return the MIME structure: multipart/alternative of text and HTML, both quoted-printable."""
    message = EmailMessage(policy=POLICY)
    message["From"] = Address(single_line(email.from_name, "From"), addr_spec=email.from_address)
    message["To"] = Address(addr_spec=email.to)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = single_line(email.message_id, "Message-ID")
    message["Subject"] = single_line(email.subject, "Subject")
    if email.reply_to:
        message["Reply-To"] = Address(addr_spec=email.reply_to)
    for name, value in email.headers.items():
        if name in message:
            raise BadHeader(f"The header {name} stands twice.")
        message[name] = single_line(value, name)
    message.set_content(email.text, cte="quoted-printable")
    message.add_alternative(email.html, subtype="html", cte="quoted-printable")
    return message


def serialise(email: Email) -> bytes:
    """Return the bytes for DATA: CRLF, 7-bit, no line over 998 octets (RFC 5322 §2.1.1); not dot-stuffed."""
    return build(email).as_bytes(policy=POLICY)
