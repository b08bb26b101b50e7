"""Settings, read from the environment once. A wrong or missing one stops the start with one message
that names all of them. `docs/operating.md` has the table; `python -m newsletter.config` only checks."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

Settings = dict[str, Any]
Reader = Callable[[str], Any]

SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
MEASUREMENT = ("all", "ask", "off")
# Names in a network of containers may hold an underscore.
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
_SENDER = re.compile(r"""(?P<named>[^<>]*<)?[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+@(?P<domain>[^@<>]+)(?(named)>)""")
_DATABASE_NUMBER = re.compile(r"(?:/[0-9]*)?")


class ConfigError(Exception):
    """One or more settings are missing or wrong; the text names each of them and says what to do."""


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


def choice(*words: str) -> Reader:
    """Return a reader that takes one of `words`."""

    def read(text: str) -> str:
        if text.strip().lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.strip().lower()

    return read


REQUIRED: dict[str, Reader] = {
    "DATABASE_URL": database,
    "REDIS_URL": redis_url,
    "SECRET_KEY": secret,
    "PUBLIC_URL": public_url,
    "MAIL_SERVER": host,
    "MAIL_DEFAULT_SENDER": sender,
}
OPTIONAL: dict[str, tuple[Reader, str]] = {
    "SECRET_KEY_FALLBACKS": (secrets, ""),
    "MAIL_PORT": (whole(1, 65535), "25"),
    "MAIL_USE_TLS": (switch, "0"),
    "MAIL_USE_SSL": (switch, "0"),
    "MAIL_USERNAME": (str, ""),
    "MAIL_PASSWORD": (str, ""),
    "MAIL_TIMEOUT": (whole(1, 600), "30"),
    "HOST": (host, "0.0.0.0"),  # noqa: S104  # a host's router must reach it; the demo sets 127.0.0.1
    "PORT": (whole(1, 65535), "8000"),
    "WEB_CONCURRENCY": (whole(1, 64), "1"),
    "TRUSTED_PROXIES": (whole(0, 10), "0"),
    "REDIS_VERIFY": (switch, "1"),
    "DATABASE_POOL_SIZE": (whole(3, 100), "4"),
    "LANGUAGE": (choice("de", "en"), "de"),
    "MEASUREMENT_MIN_GROUP": (whole(1, 1000), "5"),
    "MEASUREMENT_DAYS": (whole(1, 730), "90"),
    "CONFIRMATION_HOURS": (whole(1, 336), "48"),
    "PREFERENCES_DAYS": (whole(1, 365), "30"),
    "SIGNUPS_PER_MINUTE": (whole(0, 1_000_000), "600"),
    "SENDING_CONNECTIONS": (whole(1, 500), "4"),
    "LOG_LEVEL": (choice("debug", "info", "warning", "error"), "info"),
}


def from_env(environ: Mapping[str, str]) -> Settings:
    """Return all settings; raise `ConfigError` that names every missing and every wrong one."""
    settings: Settings = {}
    wrong: list[str] = []
    readers = {name: (reader, "") for name, reader in REQUIRED.items()} | OPTIONAL
    for name, (reader, default) in readers.items():
        text = environ.get(name, "")
        if not text.strip() and name in REQUIRED:
            wrong.append(f"{name} is missing")
            continue
        try:
            settings[name] = reader(text if text.strip() else default)
        except ValueError as error:
            wrong.append(f"{name} {error}")
    if settings.get("MAIL_USE_TLS") and settings.get("MAIL_USE_SSL"):
        wrong.append(
            "MAIL_USE_TLS and MAIL_USE_SSL exclude each other: TLS is STARTTLS, SSL is TLS from the first byte"
        )
    if wrong:
        lines = "\n".join(f"  - {line}" for line in wrong)
        raise ConfigError(f"These settings are missing or wrong (docs/operating.md lists them all):\n{lines}")
    return settings | _derived(settings)


def _derived(settings: Settings) -> Settings:
    secure = settings["PUBLIC_URL"].startswith("https://")
    return {
        "SQLALCHEMY_DATABASE_URI": settings["DATABASE_URL"],
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_size": settings["DATABASE_POOL_SIZE"],
            "max_overflow": 1,
            "pool_timeout": 5,
            "pool_pre_ping": True,
            "connect_args": {"connect_timeout": 5},
        },
        "MAIL_USERNAME": settings["MAIL_USERNAME"] or None,
        "MAIL_PASSWORD": settings["MAIL_PASSWORD"] or None,
        # Browsers refuse the __Host- prefix over plain HTTP, which only a demo uses.
        "SESSION_COOKIE_NAME": "__Host-staff" if secure else "staff",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "MAX_CONTENT_LENGTH": 64 * 1024,
        "PREFERRED_URL_SCHEME": "https" if secure else "http",
    }


def main() -> int:
    """Check the environment: exit code 0, or 2 and one message on standard error."""
    try:
        from_env(os.environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
