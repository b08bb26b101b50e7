"""The things that go in and out, as JSON Schema (OpenAPI 3.1 = draft 2020-12)."""

from typing import Any

from newsletter.campaigns import blocks, fields
from newsletter.campaigns.models import CampaignState, DeliveryState
from newsletter.campaigns.trial import MOST_ADDRESSES
from newsletter.core.i18n import LANGUAGES
from newsletter.mail.address import MAX_OCTETS
from newsletter.recipients import hours, newsletters, person
from newsletter.recipients.models import Measurement

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return the reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str, limit: int | None = None, **more: Any) -> Schema:
    """Return the schema of a text of up to `limit` characters."""
    longest = {} if limit is None else {"maxLength": limit}
    return {"type": "string", "description": description} | longest | more


def record(description: str, properties: dict[str, Schema], required: tuple[str, ...] | None = None) -> Schema:
    """Return the schema of an object with these members and no other; all are there unless `required` names some."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _time(description: str) -> Schema:
    return {"type": "string", "format": "date-time", "description": description}


def _time_or_null(description: str) -> Schema:
    return {"type": ["string", "null"], "format": "date-time", "description": description}


def _number(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _number_or_null(description: str) -> Schema:
    return {"type": ["integer", "null"], "minimum": 0, "description": description}


def _withheld(description: str) -> Schema:
    return {"type": ["integer", "null"], "minimum": 0, "description": f"{description}; null: withheld."}


PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "const": "about:blank"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "title": text("The kind of problem, in few words."),
        "detail": text("What to do about it."),
        "errors": {
            "type": "object",
            "description": "For each wrong field what is wrong with it.",
            "additionalProperties": {"type": "string"},
        },
    },
    "required": ["type", "status", "title"],
}

_PERSON = {
    "salutation": text('How to address the person: "ms", "mr", or nothing.') | {"enum": list(person.SALUTATIONS)},
    "title": text("An academic title.", person.MAX_CHARACTERS),
    "first_name": text("The first name.", person.MAX_CHARACTERS),
    "last_name": text("The last name.", person.MAX_CHARACTERS),
}
LANGUAGE = {"type": "string", "enum": list(LANGUAGES), "description": "The language of pages and mails."}

SIGN_UP = record(
    "A person's wish to subscribe. Nothing is stored readably until the person confirms it.",
    {
        "email": text("The address that gets the confirmation mail.", MAX_OCTETS, format="idn-email"),
        **{name: schema | {"type": ["string", "null"]} for name, schema in _PERSON.items()},
        "salutation": _PERSON["salutation"] | {"type": ["string", "null"], "enum": [*person.SALUTATIONS, None]},
        "language": LANGUAGE | {"type": ["string", "null"], "enum": [*LANGUAGES, None]},
        "measurement": {
            "type": ["boolean", "null"],
            "description": "Whether the person agreed to be measured; counts for newsletters that ask.",
        },
        "proof": {
            "type": ["string", "null"],
            "description": "The solved challenge: Base64 of `{challenge, solution: {counter, derivedKey}}` as JSON.",
        },
    },
    required=("email",),
)
PENDING = record(
    "The same answer for everyone, whatever is known of the address.",
    {"status": {"type": "string", "const": "pending"}},
)

_LIMITS = newsletters.LIMITS
_CLOCK = f"^({hours.CLOCK})?$"
_NEWSLETTER = {
    "slug": text("The short name in addresses.", 64, pattern=f"^{newsletters.SLUG}$"),
    "title": text("What subscribers read.", _LIMITS["title"], minLength=1),
    "description": text("A few sentences for the sign-up page.", _LIMITS["description"]),
    "language": LANGUAGE,
    "from_name": text("The sender's name; by default the title.", _LIMITS["from_name"]),
    "from_address": text("The sender's address.", _LIMITS["from_address"], format="email"),
    "reply_to": text("Where answers go; empty: to the sender.", _LIMITS["reply_to"]),
    "imprint": text("Who is responsible; stands in every mail.", _LIMITS["imprint"]),
    "consent_text": text("What a person agrees to on signing up.", _LIMITS["consent_text"]),
    "measurement": {
        "type": "string",
        "enum": list(Measurement),
        "description": "Who is measured: all who do not object, those who agreed to it, or nobody.",
    },
    "accent": text("The colour of buttons and links.", pattern="^#[0-9a-fA-F]{6}$"),
    "time_zone": text("The IANA time zone of its delivery window and of times on the staff pages."),
    "send_from": text("When its delivery window opens, like 08:00; empty: mail goes at any time.", pattern=_CLOCK),
    "send_until": text("When the window closes, like 20:00; a window may go over midnight.", pattern=_CLOCK),
    "mails_per_second": {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": hours.MOST_PER_SECOND,
        "description": "Its campaigns' mails per second, all workers together; null: no limit of its own.",
    },
}
NEWSLETTER_NEW = record("A newsletter to make.", _NEWSLETTER, required=("slug", "title", "from_address"))
NEWSLETTER_CHANGE = record("The fields to change.", _NEWSLETTER, required=())
NEWSLETTER = record(
    "What one subscribes to.",
    _NEWSLETTER
    | {
        "url": text("The sign-up page.", format="uri"),
        "recipients": _number("How many confirmed recipients it has."),
    },
)

BLOCK = {
    "description": "A typed part of a campaign's body.",
    "oneOf": [
        record(
            f"A {kind}.", {"type": {"type": "string", "const": kind}} | {name: text(f"Its {name}.") for name in texts}
        )
        for kind, (texts, _) in blocks.KINDS.items()
    ],
}
_CONTENT = {
    "newsletter": text("The slug of the newsletter.", 64),
    "subject": text("The subject.", fields.LIMITS["subject"]),
    "preheader": text("What mailboxes show behind the subject.", fields.LIMITS["preheader"]),
    "markdown": text("The body in Markdown (CommonMark with tables); no HTML.", fields.LIMITS["markdown"]),
}
_BLOCKS = {
    "type": "array",
    "items": ref("Block"),
    "maxItems": blocks.MAX_BLOCKS,
    "description": "The body as blocks, instead of `markdown`; answered as Markdown.",
}
CAMPAIGN_NEW = record("A draft to make.", _CONTENT | {"blocks": _BLOCKS}, required=("newsletter",)) | {
    "not": {"required": ["markdown", "blocks"]}
}
CAMPAIGN_CHANGE = record(
    "The fields to change. A campaign stays with its newsletter.", _CONTENT | {"blocks": _BLOCKS}, required=()
) | {"not": {"required": ["markdown", "blocks"]}}
COUNTS = record(
    "What became of every recipient of the campaign: the numbers of all states add up to `audience` at any moment.",
    {"audience": _number("All recipients of the campaign.")}
    | {state.value: _number(f"Deliveries that are {state.value}.") for state in DeliveryState},
)
PROGRESS = record(
    "How fast it goes.",
    {
        "rate_per_minute": _number_or_null("Mails a minute, over the last half minute; null: nothing moves."),
        "minutes_left": _number_or_null("About how long it will take at this rate; null: nobody can say."),
    },
)
REPLY = record(
    "A kind of reply of the relay. Its text is not kept, because it may hold an address.",
    {
        "code": {"type": "integer", "minimum": 100, "maximum": 999, "description": "The code (RFC 5321)."},
        "status": text("The enhanced status code (RFC 3463), like 5.1.1; empty without one."),
        "at": _time("When it came last."),
    },
)
CAMPAIGN = record(
    "One issue of a newsletter, sent once.",
    {
        "id": text("The id in addresses."),
        **_CONTENT,
        "state": {"type": "string", "enum": list(CampaignState), "description": "Where in its life it is."},
        "pause_reason": {"type": ["string", "null"], "description": "Why it was paused, when the service did it."},
        "counts": ref("Counts"),
        "progress": ref("Progress"),
        "replies": {
            "type": "array",
            "items": ref("Reply"),
            "description": "The relay's last reply of each kind, newest first.",
        },
        "created_at": _time("When it was made."),
        "updated_at": _time("When it was last changed."),
        "scheduled_at": _time_or_null("When it is to be sent."),
        "started_at": _time_or_null("When sending began."),
        "finished_at": _time_or_null("When the last delivery had its fate."),
    },
)
TEST = record(
    "Where a test goes.",
    {
        "to": {
            "type": "array",
            "items": {"type": "string", "format": "email"},
            "minItems": 1,
            "maxItems": MOST_ADDRESSES,
            "description": "Addresses.",
        }
    },
)
SEND = record("When to send.", {"at": _time_or_null("Not before this time; null or left out: now.")}, required=())
NOTHING = record("No member is understood here; the body may be left out.", {})

FIGURE = record(
    "How many, and how often. Machines (scanners of links, prefetching programs) are left out.",
    {"unique": _withheld("Recipients"), "total": _withheld("Times")},
)
LINK_FIGURE = record("Clicks on one link.", {"url": text("Where it leads.")} | FIGURE["properties"])
REPORT = record(
    "How a campaign did. A number so small that it could point at a person is withheld.",
    {
        "delivered": _number("Mails that the relay took."),
        "opens": ref("Figure"),
        "clicks": ref("Figure"),
        "links": {"type": "array", "items": ref("LinkFigure"), "description": "Clicks by link."},
        "unsubscribes": _withheld("Recipients who left by a link of this campaign"),
    },
)
