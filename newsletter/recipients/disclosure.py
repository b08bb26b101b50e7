"""All that is stored of one person on one newsletter, as JSON to take along (Art. 15 and 20 GDPR).

`SCHEMA` describes it (JSON Schema 2020-12) and is served beside it; fields may be added, none changes its meaning.
"""

from typing import Any

from newsletter.core import rfc3339
from newsletter.core.db import utcnow
from newsletter.recipients.preferences import Profile

FORMAT = "newsletter-disclosure/1"
_TIME = {"type": "string", "format": "date-time"}
_TIME_OR_NOT = {"type": ["string", "null"], "format": "date-time"}
_TEXT = {"type": "string"}
_TEXT_OR_NOT = {"type": ["string", "null"]}


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(members), "properties": members}


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What a newsletter service stores of one subscriber of one newsletter",
    **_object(
        format={"const": FORMAT},
        created_at=_TIME,
        newsletter=_object(slug=_TEXT, title=_TEXT, sender=_TEXT, sender_address=_TEXT),
        person=_object(
            email={"type": "string", "format": "email"},
            salutation={"enum": ["", "ms", "mr"]},
            title=_TEXT,
            first_name=_TEXT,
            last_name=_TEXT,
            language={"enum": ["de", "en"]},
        ),
        measured={"type": "boolean", "description": "Whether opens and clicks may be counted under a pseudonym."},
        restricted_at=_TIME_OR_NOT | {"description": "Since when the data is kept and not used (Art. 18 GDPR)."},
        address_changed_at=_TIME_OR_NOT | {"description": "Since when the address is the one above; null: ever since."},
        consent=_object(
            requested_at=_TIME_OR_NOT,
            mailed_at=_TIME_OR_NOT,
            confirmed_at=_TIME,
            source=_TEXT_OR_NOT,
            language=_TEXT_OR_NOT,
            text=_TEXT_OR_NOT,
        ),
    ),
}


def of(profile: Profile) -> dict[str, Any]:
    """Return the document that `SCHEMA` describes."""
    newsletter = profile.newsletter
    return {
        "format": FORMAT,
        "created_at": rfc3339.show(utcnow()),
        "newsletter": {
            "slug": newsletter.slug,
            "title": newsletter.title,
            "sender": newsletter.from_name,
            "sender_address": newsletter.from_address,
        },
        "person": {"email": profile.email, **profile.person._asdict(), "language": profile.language},
        "measured": profile.measured,
        "restricted_at": rfc3339.show(profile.restricted_at),
        "address_changed_at": rfc3339.show(profile.address_changed_at),
        "consent": {
            "requested_at": rfc3339.show(profile.requested_at),
            "mailed_at": rfc3339.show(profile.mailed_at),
            "confirmed_at": rfc3339.show(profile.confirmed_at),
            "source": profile.source,
            "language": profile.consent_language,
            "text": profile.consent,
        },
    }
