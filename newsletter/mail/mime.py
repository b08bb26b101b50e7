"""The bytes of a mail: headers (RFC 5322, RFC 2047), quoted-printable parts (RFC 2045 §6.7), alternatives.

Written out by hand because Python's own generator encodes a long `List-Unsubscribe` (RFC 2047 §5 forbids
that in a structured field) and because a campaign needs the pieces around its slots.
"""

import re
from binascii import b2a_qp
from email.header import Header
from email.utils import quote

from newsletter.core import texts
from newsletter.core.errors import NewsletterError

CRLF = b"\r\n"
SOFT_BREAK = b"=\r\n"
MAX_LINE_OCTETS, MAX_QP_LINE_OCTETS = 998, 76
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


class BadHeader(NewsletterError):
    """A header's value holds a line break or another control character, or is too long."""


def header(name: str, value: str) -> bytes:
    """Return one header line of ASCII, never folded: for addresses, ids and URLs.

    Raises `BadHeader` when the value would break out of the header or the line (RFC 5322 §2.1.1).
    """
    line = f"{name}: {single_line(value, name)}"
    if not line.isascii() or len(line) > MAX_LINE_OCTETS:
        raise BadHeader(f"The header {name} is too long or holds letters beyond ASCII.")
    return line.encode() + CRLF


def text_header(name: str, value: str) -> bytes:
    """Return an unstructured header such as Subject: encoded words of at most 75 characters where needed."""
    return f"{name}: {_words(single_line(value, name), len(name) + 2)}".encode() + CRLF


def mailbox(name: str, address: str) -> str:
    """Return `name <address>` as a From header has it (RFC 5322 §3.4); without a name the bare address."""
    name = single_line(name, "From").strip()
    if not name:
        return address
    if not name.isascii() or "=?" in name:
        return f"{_words(name, 6)} <{address}>"
    return f"{name if _ATOMS.fullmatch(name) else _quoted(name)} <{address}>"


def mailbox_header(name: str, display: str, address: str) -> bytes:
    """Return a header that names one mailbox."""
    return f"{name}: {mailbox(display, address)}".encode() + CRLF


def single_line(value: str, name: str) -> str:
    """Return `value`; raise `BadHeader` when it holds a line break or a control character."""
    if not texts.is_line(value):
        raise BadHeader(f"The header {name} holds a line break or a control character.")
    return value


def _quoted(name: str) -> str:
    return f'"{quote(name)}"'


def _words(value: str, used: int) -> str:
    if value.isascii() and "=?" not in value and len(value) + used <= MAX_LINE_OCTETS:
        return value
    return Header(value, "utf-8", maxlinelen=75, header_name=" " * max(used - 2, 0)).encode(linesep="\r\n")


def quoted_printable(text: str) -> bytes:
    """Return text of any number of lines as quoted-printable; no line starts with a dot, so none needs stuffing."""
    encoded = b2a_qp(text.replace("\r\n", "\n").encode(), istext=True)
    return CRLF.join(map(_without_dot, encoded.split(b"\n")))


def with_room(encoded: bytes) -> bytes:
    """Return a quoted-printable piece whose last line has room for the `=` of a soft break (RFC 2045 §6.7, rule 5)."""
    if len(encoded) - (encoded.rfind(b"\n") + 1) < MAX_QP_LINE_OCTETS:
        return encoded
    last = 3 if encoded[-3:].startswith(b"=") else 1
    return encoded[:-last] + SOFT_BREAK + _without_dot(encoded[-last:])


def _without_dot(line: bytes) -> bytes:
    """Return the line, or lines, with the dot in front encoded; that makes it two octets longer."""
    if not line.startswith(b"."):
        return line
    if len(line) + 2 <= MAX_QP_LINE_OCTETS:
        return b"=2E" + line[1:]
    return b"=2E" + SOFT_BREAK + _without_dot(line[1:])


def quoted_printable_value(text: str) -> bytes:
    """Return a short value for a slot that stands between two soft breaks: on a line, or lines, of its own."""
    encoded = b2a_qp(text.encode())
    breaks = b"\n" in encoded or b"\r" in encoded or len(encoded) >= MAX_QP_LINE_OCTETS
    if not breaks and not encoded.startswith(b"."):
        return encoded  # nearly every name and greeting
    return with_room(quoted_printable(text.replace("\r", " ").replace("\n", " ")))


def frame(boundary: str) -> tuple[bytes, bytes, bytes]:
    """Return what stands before, between and behind the text and the HTML of a multipart/alternative."""
    part = '--{}\r\nContent-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    start = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
    return (
        (start + part.format(boundary, "plain")).encode(),
        ("\r\n" + part.format(boundary, "html")).encode(),
        f"\r\n--{boundary}--\r\n".encode(),
    )
