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


class Unsealable(NewsletterError):
    """The value was not sealed by this installation for this purpose, or was changed since."""


@lru_cache(maxsize=256)
def _cipher(key: bytes) -> tuple[bytes, AESGCM]:
    return hashlib.sha256(b"key name" + key).digest()[:_NAME], AESGCM(key)


def seal(purpose: str, plain: bytes) -> bytes:
    """Return `plain` sealed for `purpose`; two calls never give the same bytes."""
    name, cipher = _cipher(keyring().derive(purpose))
    nonce = secrets.token_bytes(_NONCE)
    return name + nonce + cipher.encrypt(nonce, plain, purpose.encode())


def unseal(purpose: str, sealed: bytes) -> bytes:
    """Return what was sealed for `purpose`; raise `Unsealable` for anything else."""
    name, nonce, body = sealed[:_NAME], sealed[_NAME : _NAME + _NONCE], sealed[_NAME + _NONCE :]
    for key in keyring().generations(purpose):
        key_name, cipher = _cipher(key)
        if key_name == name and len(body) >= 16:
            try:
                return cipher.decrypt(nonce, body, purpose.encode())
            except InvalidTag:
                break
    raise Unsealable("A sealed value can't be opened with SECRET_KEY or SECRET_KEY_FALLBACKS.")


def seal_json(purpose: str, value: Any) -> bytes:
    """Seal a JSON value."""
    return seal(purpose, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def unseal_json(purpose: str, sealed: bytes) -> Any:
    """Open what `seal_json` sealed; raise `Unsealable` for anything else."""
    return json.loads(unseal(purpose, sealed))
