"""A sign-up: all that a person gave, on its way. It waits sealed in the outbox, then travels sealed in the link.

No table knows of it. Who holds the link holds the sign-up, and this service alone can read it.
"""

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
from newsletter.recipients.models import Measurement, Newsletter
from newsletter.recipients.person import Person

PURPOSE = "signup"
ALL, YES, NO, OFF = "all", "yes", "no", "off"
"""What was agreed about measurement: stated in the consent, asked and given, asked and not given, not done."""


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """A person's wish. `secret` (16 bytes) makes it this one wish: it can be confirmed once."""

    newsletter_id: int
    email: str
    person: Person
    language: str
    measurement: str
    consent_wording: bytes
    privacy_wording: bytes
    source: str
    requested_at: datetime
    mailed_at: datetime | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def digest(self) -> bytes:
        """What the receipt knows this wish by. No key: a secret of 128 bits can't be guessed."""
        return sha256(self.secret).digest()

    @property
    def expires_at(self) -> datetime:
        """Until when the link can be used: CONFIRMATION_HOURS from the mail."""
        return (self.mailed_at or self.requested_at) + timedelta(hours=current_app.config["CONFIRMATION_HOURS"])

    @property
    def measured(self) -> bool:
        """Whether the person agreed to be measured."""
        return self.measurement in (ALL, YES)

    def payload(self) -> list[Any]:
        """Return the JSON value for outbox and link: a list, since every letter of it makes the link longer."""
        return [
            self.newsletter_id,
            self.email,
            list(self.person),
            self.language,
            self.measurement,
            tokens.encode(self.consent_wording),
            tokens.encode(self.privacy_wording),
            self.source,
            self.requested_at.timestamp(),
            self.mailed_at.timestamp() if self.mailed_at else None,
            tokens.encode(self.secret),
        ]

    @classmethod
    def of_payload(cls, value: list[Any]) -> Self:
        """Undo `payload`; raise `TypeError` or `ValueError` for one that another version wrote in another way."""
        newsletter_id, email, person, language, measurement, consent, privacy, source, requested, mailed, secret = value
        return cls(
            newsletter_id=newsletter_id,
            email=email,
            person=Person(*person),
            language=language,
            measurement=measurement,
            consent_wording=tokens.decode(consent),
            privacy_wording=tokens.decode(privacy),
            source=source,
            requested_at=datetime.fromtimestamp(requested, UTC),
            mailed_at=datetime.fromtimestamp(mailed, UTC) if mailed else None,
            secret=tokens.decode(secret),
        )

    def token(self) -> str:
        """Return the part of the confirmation link behind the last slash, for a mail that goes out now."""
        return tokens.encode(seal_json(PURPOSE, replace(self, mailed_at=utcnow()).payload()))


def read(token: str) -> SignUp:
    """Return the sign-up in a confirmation link, expired or not; raise `BadToken`."""
    try:
        return SignUp.of_payload(unseal_json(PURPOSE, tokens.decode(token)))
    except (Unsealable, TypeError, ValueError):  # links are good for days, also across an upgrade
        raise BadToken("This link is not valid.") from None


def agreed_measurement(newsletter: Newsletter, ticked: bool) -> str:
    """Return what a sign-up at this newsletter agrees to; `ticked` is the separate box that `ask` shows."""
    if newsletter.measurement == Measurement.ASK:
        return YES if ticked else NO
    return ALL if newsletter.measurement == Measurement.ALL else OFF
