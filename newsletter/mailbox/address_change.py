"""A change of address: all of it, on its way. It waits sealed in the outbox, then travels sealed in the link that goes
to the new address. No table knows of it."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self

from flask import current_app

from newsletter.core import tokens
from newsletter.core.db import utcnow
from newsletter.core.errors import BadToken
from newsletter.core.sealing import Unsealable, seal_json, unseal_json

PURPOSE = "address.change"


@dataclass(frozen=True, kw_only=True)
class AddressChange:
    """A recipient's wish to get the newsletter at `email`. `secret` (16 bytes) makes it this one wish."""

    link_key: bytes
    newsletter_id: int
    email: str
    language: str
    requested_at: datetime
    mailed_at: datetime | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def digest(self) -> bytes:
        """What receipt and restraint know this wish by."""
        return sha256(self.secret).digest()

    @property
    def expires_at(self) -> datetime:
        """Until when the link can be used: CONFIRMATION_HOURS from the mail."""
        return (self.mailed_at or self.requested_at) + timedelta(hours=current_app.config["CONFIRMATION_HOURS"])

    def payload(self) -> list[Any]:
        """Return the JSON value for outbox and link."""
        return [
            self.link_key.hex(),
            self.newsletter_id,
            self.email,
            self.language,
            self.requested_at.timestamp(),
            self.mailed_at.timestamp() if self.mailed_at else None,
            tokens.encode(self.secret),
        ]

    @classmethod
    def of_payload(cls, value: list[Any]) -> Self:
        """Undo `payload`; raise `TypeError` or `ValueError` for one that another version wrote in another way."""
        link_key, newsletter_id, email, language, requested, mailed, secret = value
        return cls(
            link_key=bytes.fromhex(link_key),
            newsletter_id=newsletter_id,
            email=email,
            language=language,
            requested_at=datetime.fromtimestamp(requested, UTC),
            mailed_at=datetime.fromtimestamp(mailed, UTC) if mailed else None,
            secret=tokens.decode(secret),
        )

    def token(self) -> str:
        """Return the part of the link behind the last slash, for a mail that goes out now."""
        return tokens.encode(seal_json(PURPOSE, replace(self, mailed_at=utcnow()).payload()))


def read(token: str) -> AddressChange:
    """Return the change in a link, expired or not; raise `BadToken`."""
    try:
        return AddressChange.of_payload(unseal_json(PURPOSE, tokens.decode(token)))
    except (Unsealable, TypeError, ValueError):  # links are good for days, also across an upgrade
        raise BadToken("This link is not valid.") from None
