"""Tokens for links in mails: a payload and its MAC. Every purpose has a key of its own, so that no token
works at another's endpoint. A token is the permission; a hashid never is."""

import base64
import binascii
import hmac

from newsletter.core.errors import BadToken
from newsletter.core.keys import keyring
from newsletter.core.macs import Mac

MAC_OCTETS = 16
MAX_TOKEN_CHARACTERS = 4096
_TO_URL = bytes.maketrans(b"+/", b"-_")


def encode(raw: bytes) -> str:
    """Return base64url without padding (RFC 4648 §5)."""
    return _letters(raw).decode()


def _letters(raw: bytes) -> bytes:
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=")


def decode(text: str) -> bytes:
    """Undo `encode`; raise `BadToken` for anything that `encode` would not have written.

    Several spellings of the last character decode to the same bytes; only one of them is ours.
    """
    if len(text) > MAX_TOKEN_CHARACTERS or not text.isascii():
        raise BadToken("This link is not valid.")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken("This link is not valid.") from None
    if encode(raw) != text:
        raise BadToken("This link is not valid.")
    return raw


class Signer:
    """Signs for one purpose: the key is looked up once, for loops over many payloads."""

    def __init__(self, purpose: str) -> None:
        self._mac = Mac(keyring().derive(purpose), MAC_OCTETS)

    def sign(self, payload: bytes) -> bytes:
        """Return `payload` and its MAC as one URL-safe word, in ASCII."""
        return _letters(payload + self._mac.of(payload))


def sign(purpose: str, payload: bytes) -> str:
    """Return `payload` and its MAC for `purpose` as one URL-safe word."""
    return Signer(purpose).sign(payload).decode()


def verify(purpose: str, token: str) -> bytes:
    """Return the payload that `sign` got for this purpose; raise `BadToken` for anything else."""
    raw = decode(token)
    payload, mac = raw[:-MAC_OCTETS], raw[-MAC_OCTETS:]
    good = False
    for key in keyring().generations(purpose):  # all of them, so that the time tells nothing
        good |= hmac.compare_digest(Mac(key, MAC_OCTETS).of(payload), mac)
    if not good:
        raise BadToken("This link is not valid.")
    return payload
