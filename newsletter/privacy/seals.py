"""Seals: keyed digests over what a receipt says, so that no change by SQL goes unnoticed (P5).

HMAC-SHA-256 under a key of its own: who can write to the database, but does not know SECRET_KEY, can't make one.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from newsletter.core.keys import keyring, lasting

PURPOSE = lasting("receipt.seal")
WRITTEN = (
    "newsletter_slug", "address_digest", "signup_digest", "consent_wording", "privacy_wording", "language", "source",
    "method", "measurement", "requested_at", "mailed_at", "confirmed_at",
)  # fmt: skip
"""What never changes in a receipt. Not the newsletter's id: it goes with the newsletter."""
CLOSED = ("id", "closed_at", "close_reason", "delete_after")
GONE = ("receipt_id", "written_link", "seal", "closed_link", "closing_seal")
LINK = ("number", "at", "what", "size", "content")
FIELDS = {"written": WRITTEN, "closed": CLOSED, "gone": GONE, "link": LINK}


def seal(what: str, values: Mapping[str, Any], before: bytes = b"") -> bytes:
    """Return the 32 bytes that vouch for the fields of `what` (a name in `FIELDS`); `before` is the seal it follows."""
    return hmac.digest(keyring().derive(PURPOSE), _message(what, values, before), "sha256")


def holds(what: str, values: Mapping[str, Any], given: bytes | None, before: bytes = b"") -> bool:
    """Return whether `given` is the seal over these values under any key of this installation."""
    message = _message(what, values, before)
    made = (hmac.digest(key, message, "sha256") for key in keyring().generations(PURPOSE))
    return given is not None and any(hmac.compare_digest(each, given) for each in made)


def _message(what: str, values: Mapping[str, Any], before: bytes) -> bytes:
    parts = [what, before.hex(), *(_plain(values[name]) for name in FIELDS[what])]
    return json.dumps(parts, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.hex() if isinstance(value, bytes) else value
