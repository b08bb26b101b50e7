"""Settings, read from the environment once. A wrong or missing one stops the start with one message
that names all of them. `docs/operating.md` has the table; `python -m newsletter.config` only checks."""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from newsletter import readers, relay_urls
from newsletter.readers import Reader

Settings = dict[str, Any]


class ConfigError(Exception):
    """One or more settings are missing or wrong; the text names each of them and says what to do."""


REQUIRED: dict[str, Reader] = {
    "DATABASE_URL": readers.database,
    "REDIS_URL": readers.redis_url,
    "SECRET_KEY": readers.secret,
    "PUBLIC_URL": readers.public_url,
    "MAIL_SERVER": readers.host,
    "MAIL_DEFAULT_SENDER": readers.sender,
}
OPTIONAL: dict[str, tuple[Reader, str]] = {
    "SECRET_KEY_FALLBACKS": (readers.secrets, ""),
    "MAIL_PORT": (readers.whole(1, 65535), "25"),
    "MAIL_USE_TLS": (readers.switch, "0"),
    "MAIL_USE_SSL": (readers.switch, "0"),
    "MAIL_USERNAME": (str, ""),
    "MAIL_PASSWORD": (str, ""),
    "MAIL_RELAYS": (relay_urls.relays, ""),
    "MAIL_TIMEOUT": (readers.whole(1, 600), "30"),
    "HOST": (readers.host, "0.0.0.0"),  # noqa: S104  # a host's router must reach it; the demo sets 127.0.0.1
    "PORT": (readers.whole(1, 65535), "8000"),
    "WEB_CONCURRENCY": (readers.whole(1, 64), "1"),
    "TRUSTED_PROXIES": (readers.whole(0, 10), "0"),
    "REDIS_VERIFY": (readers.switch, "1"),
    "DATABASE_POOL_SIZE": (readers.whole(3, 100), "4"),
    "LANGUAGE": (readers.choice("de", "en"), "de"),
    "MEASUREMENT_MIN_GROUP": (readers.whole(1, 1000), "5"),
    "MEASUREMENT_DAYS": (readers.whole(1, 730), "90"),
    "CONFIRMATION_HOURS": (readers.whole(1, 336), "48"),
    "PREFERENCES_DAYS": (readers.whole(1, 365), "30"),
    "SIGNUPS_PER_MINUTE": (readers.whole(0, 1_000_000), "600"),
    "SIGNUPS_PRESSURE": (readers.whole(1, 1_000_000), "600"),
    "CONFIRMATIONS_PER_HOUR": (readers.whole(0, 10_000_000), "5000"),
    "CONTACT_PRIVACY": (readers.sender_or_none, ""),
    "CONTACT_NEWSLETTER": (readers.sender_or_none, ""),
    "SENDING_CONNECTIONS": (readers.whole(1, 500), "4"),
    "SENDING_LEASE_SECONDS": (readers.whole(3, 75), "45"),
    "MAILS_PER_SECOND": (readers.whole(0, 1_000_000), "0"),
    "MAILS_PER_SECOND_BY_DOMAIN": (readers.domain_rates, ""),
    "HARD_BOUNCES": (readers.whole(1, 10), "1"),
    "BACKUP_KEEP_DAYS": (readers.whole(1, 400), "35"),
    "LOG_LEVEL": (readers.choice("debug", "info", "warning", "error"), "info"),
}


def from_env(environ: Mapping[str, str]) -> Settings:
    """Return all settings; raise `ConfigError` that names every missing and every wrong one."""
    settings: Settings = {}
    wrong: list[str] = []
    readers = {name: (reader, "") for name, reader in REQUIRED.items()} | OPTIONAL
    for name, (reader, default) in readers.items():
        text = environ.get(name, "")
        if not text.strip() and name in REQUIRED:
            settings[name] = ""
            if name != "MAIL_SERVER" or not environ.get("MAIL_RELAYS", "").strip():
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
            # The connection used last: its server process has what it needs at hand.
            "pool_use_lifo": True,
            "pool_timeout": 5,
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
