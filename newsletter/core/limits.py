"""Limits per network (Flask-Limiter): the key is a digest of the network, never the address itself.

Sign-ups are counted elsewhere (`newsletter.optin.pressure`): they come in crowds.
"""

import ipaddress

from flask import Flask, current_app, request
from flask_limiter import Limiter

from newsletter.core import queues
from newsletter.core.keys import keyring
from newsletter.core.macs import Mac

STORAGE_SECONDS = 0.5
"""How long Redis may take to count. One that hangs is asked several times in a request, and a person waits."""

DIGEST_OCTETS = 12
CONTACTS = "6 per minute; 30 per hour"


def network() -> str:
    """Return a keyed digest of the visitor's network (/24 or /48)."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    prefix = address.packed[: 3 if address.version == 4 else 6]
    return Mac(keyring().derive("limits.network"), DIGEST_OCTETS).of(prefix).hex()


def signups() -> str:
    """Return the limit of sign-ups as Flask-Limiter spells it."""
    return f"{current_app.config['SIGNUPS_PER_MINUTE']} per minute"


def unlimited() -> bool:
    """Return whether sign-ups are not limited (`SIGNUPS_PER_MINUTE=0`)."""
    return not current_app.config["SIGNUPS_PER_MINUTE"]


class _Decorated(Limiter):
    """Looks at what is decorated: nothing else is limited, and looking all the same takes every request 60 µs."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


limiter = _Decorated(key_func=network, headers_enabled=False)
join_limit = limiter.shared_limit(signups, scope="joins", exempt_when=unlimited)
link_limit = limiter.shared_limit(CONTACTS, scope="links", exempt_when=unlimited)
contact_limit = limiter.shared_limit(CONTACTS, scope="contact", exempt_when=unlimited)


def init_app(app: Flask) -> None:
    """Count in Redis, or in this process while Redis is away."""
    url, verify = app.config["REDIS_URL"], app.config["REDIS_VERIFY"]
    app.config["RATELIMIT_STORAGE_URI"] = url
    app.config["RATELIMIT_STORAGE_OPTIONS"] = queues.options(url, verify=verify, timeout=STORAGE_SECONDS)
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = True
    app.config["RATELIMIT_SWALLOW_ERRORS"] = True
    limiter.init_app(app)
