"""Keys by purpose, all derived from SECRET_KEY (HKDF-SHA-256, RFC 5869). No key serves two purposes."""

from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, current_app

EXTENSION = "newsletter-keys"


class Keyring:
    """The installation's secrets: the current one first, then SECRET_KEY_FALLBACKS, newest first."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = secrets
        self.derive = lru_cache(maxsize=64)(self._derive)

    def _derive(self, purpose: str, generation: int = 0) -> bytes:
        """Return the 32-byte key for `purpose`; generation 0 is the current secret."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=b"newsletter", info=purpose.encode())
        return hkdf.derive(self._secrets[generation].encode())

    def generations(self, purpose: str) -> list[bytes]:
        """Return the keys for `purpose`, current first."""
        return [self.derive(purpose, generation) for generation in range(len(self._secrets))]


def init_app(app: Flask) -> None:
    """Give the app its keyring from SECRET_KEY and SECRET_KEY_FALLBACKS."""
    app.extensions[EXTENSION] = Keyring([app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]])


def keyring() -> Keyring:
    """Return the current app's keyring."""
    ring: Keyring = current_app.extensions[EXTENSION]
    return ring
