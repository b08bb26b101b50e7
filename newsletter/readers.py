"""Readers of settings: each takes the text of an environment variable and returns its value.

A text that can't be taken is a `ValueError` that says what it must be, and never what it was: it may hold a password.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

Reader = Callable[[str], Any]

SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
# Names in a network of containers may hold an underscore.
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
_SENDER = re.compile(r"""(?P<named>[^<>]*<)?[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+@(?P<domain>[^@<>]+)(?(named)>)""")
_DATABASE_NUMBER = re.compile(r"(?:/[0-9]*)?")


def switch(text: str) -> bool:
    """Read `1 0 true false yes no on off`."""
    try:
        return SWITCHES[text.strip().lower()]
    except KeyError:
        raise ValueError("must be one of 1, 0, true, false, yes, no, on, off") from None


def whole(lowest: int, highest: int) -> Reader:
    """Return a reader of whole numbers between the two, both included."""

    def read(text: str) -> int:
        if not text.strip().isascii() or not text.strip().isdecimal() or not lowest <= int(text) <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return read


def database(text: str) -> str:
    """Read a PostgreSQL URL; platforms still spell it `postgres://`, SQLAlchemy wants the driver named."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("must start with postgres:// or postgresql://")
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ValueError, SQLAlchemyError):
        url = None
    if url is None or not url.database or (url.host and not is_host(url.host)) or not _is_port(url.port):
        raise ValueError("must be a URL like postgres://user:password@host:5432/database")
    return f"postgresql+psycopg://{rest}"


def redis_url(text: str) -> str:
    """Read a Redis URL."""
    text = text.strip()
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    try:
        parts = parse_url(text)  # type: ignore[no-untyped-call]
    except ValueError:
        parts = {}
    if text.startswith("unix://"):
        if not parts.get("path"):
            raise ValueError("must be a URL like unix:///run/valkey.sock?db=0")
    elif not is_host(parts.get("host", "")) or not _DATABASE_NUMBER.fullmatch(urlsplit(text).path):
        raise ValueError("must be a URL like redis://host:6379/0")
    return text


def public_url(text: str) -> str:
    """Read the base of every link in a mail, without a slash at its end."""
    if not text.isascii() or any(c.isspace() or c in "<>\"'\\" for c in text):
        raise ValueError("must not hold spaces, quotes or letters beyond ASCII (write xn-- for an umlaut domain)")
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and _is_port(parts.port)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise ValueError("must be a URL like https://news.example.org")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or a password: it stands in every mail")
    return text.rstrip("/")


def is_host(text: str) -> bool:
    """Return whether this is an IP address or can be a host's name.

    >>> [is_host(text) for text in ("::", "127.0.0.1", "mail_relay", "news.example.org", "a b", "http://x", "")]
    [True, True, True, True, False, False, False]
    """
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= 253 and _HOST.fullmatch(text) is not None
    return True


def _is_port(number: int | None) -> bool:
    return number is None or 1 <= number <= 65535


def host(text: str) -> str:
    """Read the name or the IP address of a host."""
    if not is_host(text.strip()):
        raise ValueError("must be the name or the IP address of a host, without http:// and without a port")
    return text.strip()


def secret(text: str) -> str:
    """Read SECRET_KEY."""
    if len(text) < 32:
        raise ValueError("must have 32 characters or more (try: openssl rand -hex 32)")
    return text


def secrets(text: str) -> list[str]:
    """Read older secret keys, separated by commas, newest first."""
    return [secret(word) for word in text.replace(",", " ").split()]


def sender(text: str) -> str:
    """Read a sender: an address, or a name and an address in angle brackets."""
    if any(c in text for c in "\r\n\0"):
        raise ValueError("must be a single line")
    found = _SENDER.fullmatch(text.strip())
    if found is None or not is_host(found["domain"]):
        raise ValueError(
            'must be an address like news@example.org or "Name <news@example.org>" (write xn-- for an umlaut domain)'
        )
    return text.strip()


def sender_or_none(text: str) -> str:
    """Read what `sender` reads, or nothing."""
    return sender(text) if text.strip() else ""


def choice(*words: str) -> Reader:
    """Return a reader that takes one of `words`."""

    def read(text: str) -> str:
        if text.strip().lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.strip().lower()

    return read


def domain_rates(text: str) -> dict[str, int]:
    """Read mails per second by receiving domain, such as `gmx.de=10,web.de=10`."""
    rates: dict[str, int] = {}
    for word in text.replace(",", " ").split():
        domain, _equals, number = word.partition("=")
        if not is_host(domain) or not number.isascii() or not number.isdecimal() or not 1 <= int(number) <= 1_000_000:
            raise ValueError("must look like gmx.de=10,web.de=10 (write xn-- for an umlaut domain)")
        rates[domain.lower()] = int(number)
    return rates
