"""Keys by purpose, all derived from SECRET_KEY (HKDF-SHA-256, RFC 5869). No key serves two purposes."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, current_app

EXTENSION = "newsletter-keys"

_lasting: set[str] = set()


def lasting(purpose: str) -> str:
    """Declare that what is made for `purpose` can't be made anew when SECRET_KEY changes, and return it.

    Links lie in mailboxes, and of some digests nobody knows the address any more: `core.kept_keys` keeps their keys
    when the secret that they come from is taken away. Never for sealing: what is sealed is sealed anew.
    """
    _lasting.add(purpose)
    return purpose


class Keyring:
    """The installation's secrets: the current one first, then SECRET_KEY_FALLBACKS, newest first."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = secrets
        self.derive = lru_cache(maxsize=64)(self._derive)
        self.kept: Callable[[], Mapping[str, list[bytes]]] = dict
        """Returns the keys that were kept of secrets that are gone, by purpose, newest first."""

    def _derive(self, purpose: str, generation: int = 0) -> bytes:
        """Return the 32-byte key for `purpose`; generation 0 is the current secret."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=b"newsletter", info=purpose.encode())
        return hkdf.derive(self._secrets[generation].encode())

    def generations(self, purpose: str) -> list[bytes]:
        """Return the keys for `purpose`, current first."""
        own = [self.derive(purpose, generation) for generation in range(len(self._secrets))]
        if purpose not in _lasting:
            return own
        return own + [key for key in self.kept().get(purpose, []) if key not in own]

    def first(self, purpose: str) -> bytes:
        """Return the oldest key there is for a lasting purpose: it stays the same whatever becomes of SECRET_KEY."""
        return self.generations(purpose)[-1]

    def older(self) -> list[tuple[str, bytes]]:
        """Return the keys of SECRET_KEY_FALLBACKS for every lasting purpose, those of the oldest secret first."""
        generations = reversed(range(1, len(self._secrets)))
        return [(purpose, self.derive(purpose, each)) for each in generations for purpose in sorted(_lasting)]


def init_app(app: Flask) -> None:
    """Give the app its keyring from SECRET_KEY and SECRET_KEY_FALLBACKS."""
    app.extensions[EXTENSION] = Keyring([app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]])


def keyring() -> Keyring:
    """Return the current app's keyring."""
    ring: Keyring = current_app.extensions[EXTENSION]
    return ring
