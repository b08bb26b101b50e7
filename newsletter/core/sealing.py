"""Sealing: AES-256-GCM (NIST SP 800-38D) under a key per purpose. A stolen dump is not readable (P9).

Layout of a sealed value: 4 bytes that name the key, 12 bytes nonce, ciphertext, 16 bytes tag.
"""

import hashlib
import json
import secrets
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from newsletter.core.errors import NewsletterError
from newsletter.core.keys import keyring

_NAME, _NONCE = 4, 12
_SHORTEST = _NAME + _NONCE + 16


class Unsealable(NewsletterError):
    """The value was not sealed by this installation for this purpose, or was changed since."""


@lru_cache(maxsize=256)
def _cipher(key: bytes) -> tuple[bytes, AESGCM]:
    return hashlib.sha256(b"key name" + key).digest()[:_NAME], AESGCM(key)


def key_names(purpose: str) -> list[bytes]:
    """Return what the values begin with that are sealed for this purpose, by key, current first."""
    return [_cipher(key)[0] for key in keyring().generations(purpose)]


def seal(purpose: str, plain: bytes) -> bytes:
    """Return `plain` sealed for `purpose`; two calls never give the same bytes."""
    name, cipher = _cipher(keyring().derive(purpose))
    nonce = secrets.token_bytes(_NONCE)
    return name + nonce + cipher.encrypt(nonce, plain, purpose.encode())


class Opener:
    """Opens what was sealed for one purpose: the keys are looked up once, for loops over many rows."""

    def __init__(self, purpose: str) -> None:
        self._ciphers = dict(map(_cipher, keyring().generations(purpose)))
        self._purpose = purpose.encode()

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raise `Unsealable` for anything else."""
        cipher = self._ciphers.get(sealed[:_NAME])
        if cipher is not None and len(sealed) >= _SHORTEST:
            try:
                return cipher.decrypt(sealed[_NAME : _NAME + _NONCE], sealed[_NAME + _NONCE :], self._purpose)
            except InvalidTag:
                pass
        raise Unsealable("A sealed value can't be opened with SECRET_KEY or SECRET_KEY_FALLBACKS.")


def unseal(purpose: str, sealed: bytes) -> bytes:
    """Return what was sealed for `purpose`; raise `Unsealable` for anything else."""
    return Opener(purpose).open(sealed)


def seal_json(purpose: str, value: Any) -> bytes:
    """Seal a JSON value."""
    return seal(purpose, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def unseal_json(purpose: str, sealed: bytes) -> Any:
    """Open what `seal_json` sealed; raise `Unsealable` for anything else."""
    return json.loads(unseal(purpose, sealed))
