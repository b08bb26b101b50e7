"""Keyed digests (HMAC-SHA-256): find a value again without being able to read it from a dump."""

import hmac

from newsletter.core.keys import keyring


def digest(purpose: str, value: str) -> bytes:
    """Return the 32-byte digest of `value` for `purpose` under the current key."""
    return hmac.digest(keyring().derive(purpose), value.encode(), "sha256")


def digests(purpose: str, value: str) -> list[bytes]:
    """Return the digest under every key, current first: for look-ups while SECRET_KEY is being rotated."""
    return [hmac.digest(key, value.encode(), "sha256") for key in keyring().generations(purpose)]
