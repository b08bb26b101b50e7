"""Newsletters: make, change, find. Form and API bring the same fields and get the same errors."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.exc import DataError, IntegrityError

from newsletter.core import texts
from newsletter.core.db import db
from newsletter.core.errors import Conflict, Invalid, NotFound
from newsletter.core.i18n import LANGUAGES
from newsletter.core.i18n import gettext as _
from newsletter.mail import address
from newsletter.recipients import hours, versions
from newsletter.recipients.models import Measurement, Newsletter, Recipient, RecipientCount

FIELDS = (
    "slug", "title", "description", "language", "from_name", "from_address",
    "reply_to", "imprint", "consent_text", "measurement", "accent",
    "time_zone", "send_from", "send_until", "mails_per_second",
)  # fmt: skip
LIMITS = {
    "title": 120, "description": 500, "from_name": 120, "from_address": address.MAX_OCTETS,
    "reply_to": address.MAX_OCTETS, "imprint": 2000, "consent_text": 5000,
}  # fmt: skip
"""Characters. The other fields say by their form how long they can be."""
TEXTS = ("imprint", "consent_text", "description")
SLUG = "[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_SLUG = re.compile(SLUG)
_ACCENT = re.compile(r"#[0-9a-fA-F]{6}")
BY_SLUG = select(Newsletter).where(Newsletter.slug == bindparam("slug"))
"""A question for `row_by_slug`; it may be asked for more columns."""
_BLANK = {
    "language": "de",
    "measurement": Measurement.ALL,
    "accent": "#0b5c8a",
    "time_zone": hours.TIME_ZONE,
    "mails_per_second": None,
}


def every() -> list[Newsletter]:
    """Return all newsletters, by title."""
    return list(db.session.execute(select(Newsletter).order_by(func.lower(Newsletter.title))).scalars())


def by_slug(slug: str) -> Newsletter:
    """Return the newsletter `slug`; raise `NotFound`."""
    found: Newsletter = row_by_slug(BY_SLUG, slug)[0]
    return found


def row_by_slug(question: Select[*tuple[Any, ...]], slug: str, **values: object) -> Row[*tuple[Any, ...]]:
    """Return what `question` finds of the newsletter `slug`; raise `NotFound`."""
    # What can't be a slug is not asked for: PostgreSQL refuses some of it (U+0000) with an error of its own.
    found = db.session.execute(question, {"slug": slug, **values}).one_or_none() if _SLUG.fullmatch(slug) else None
    if found is None:
        raise NotFound(_("There is no newsletter at this address."))
    return found


def by_id(newsletter_id: int) -> Newsletter:
    """Return the newsletter that a foreign key names."""
    return db.session.get_one(Newsletter, newsletter_id)


def count_recipients(newsletter_id: int) -> int:
    """Return how many recipients the newsletter has, without those who are just leaving."""
    number = select(func.coalesce(func.sum(RecipientCount.number), 0))
    return int(db.session.execute(number.where(RecipientCount.newsletter_id == newsletter_id)).scalar_one())


def count_restricted(newsletter_id: int) -> int:
    """Return how many of them have restricted the use of their data, and get no mail."""
    return db.session.execute(
        select(func.count())
        .select_from(Recipient)
        .where(
            Recipient.newsletter_id == newsletter_id,
            Recipient.restricted_at.is_not(None),
            Recipient.address_sealed.is_not(None),
        )
    ).scalar_one()


def count_recipients_of_all() -> dict[int, int]:
    """Return what `count_recipients` says, for every newsletter that ever had any, by its id.

    Nothing is counted here: triggers keep the numbers as recipients come and go, in the same transaction.
    """
    rows = db.session.execute(
        select(RecipientCount.newsletter_id, func.sum(RecipientCount.number)).group_by(RecipientCount.newsletter_id)
    ).all()
    return {newsletter_id: int(number) for newsletter_id, number in rows}


def create(values: Mapping[str, Any]) -> Newsletter:
    """Store a new newsletter and commit; raise `Invalid`, or `Conflict` when the slug is taken."""
    newsletter = Newsletter(**dict.fromkeys(FIELDS, "") | _BLANK)
    return _store(newsletter, {"slug": "", "title": "", "from_address": "", **values})


def change(newsletter: Newsletter, values: Mapping[str, Any]) -> Newsletter:
    """Change the given fields and commit; raise `Invalid`, or `Conflict` when the slug is taken.

    What the texts for people say by them is noted as a version.
    """
    if not any(getattr(newsletter, name) != values[name] for name in versions.SAID & values.keys()):
        return _store(newsletter, values)
    versions.note_around(newsletter)
    changed = _store(newsletter, values)
    versions.note_around(changed)
    return changed


def _store(newsletter: Newsletter, values: Mapping[str, Any]) -> Newsletter:
    clean = validated(values)
    hours.check_window({name: clean.get(name, getattr(newsletter, name)) for name in ("send_from", "send_until")})
    _check_zone(clean.get("time_zone", hours.TIME_ZONE))
    for name, value in clean.items():
        setattr(newsletter, name, value)
    newsletter.from_name = newsletter.from_name or newsletter.title
    db.session.add(newsletter)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise Conflict(_("Another newsletter has this short name already.")) from None
    return newsletter


def _check_zone(name: str) -> None:
    """Raise `Invalid` when PostgreSQL, by whose clock delivery windows open and close, does not know the zone."""
    try:
        db.session.execute(select(func.timezone(name, func.now())))
    except DataError:
        db.session.rollback()
        raise Invalid({"time_zone": hours.zone_problem("")}) from None


def validated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they are stored; raise `Invalid` that names every wrong or unknown one."""
    errors = {name: _("There is no such field.") for name in values if name not in FIELDS}
    clean: dict[str, Any] = {}
    for name in (name for name in FIELDS if name in values):
        try:
            clean[name] = _field(name, values[name])
        except Invalid as error:
            errors |= error.errors
    if errors:
        raise Invalid(errors)
    return clean


def _field(name: str, value: Any) -> Any:
    if name == "mails_per_second":
        return hours.per_second(value, name)
    if not isinstance(value, str):
        raise Invalid({name: _("This must be text.")})
    value = value.replace("\r\n", "\n").strip()
    if name in TEXTS and not texts.is_text(value):
        raise Invalid({name: _("Please leave out control characters.")})
    if name not in TEXTS and not texts.is_line(value):
        raise Invalid({name: _("Please leave out line breaks and control characters.")})
    if name in LIMITS and len(value) > LIMITS[name]:
        raise Invalid({name: _("This may have up to %(number)s characters.", number=LIMITS[name])})
    problem = _PROBLEMS.get(name, _no_problem)(value)
    if problem:
        raise Invalid({name: problem})
    return _converted(name, value)


def _converted(name: str, value: str) -> Any:
    if name == "from_address" or (name == "reply_to" and value):
        return address.parse(value, name)
    return Measurement(value) if name == "measurement" else value


def _no_problem(_value: str) -> str:
    return ""


def _slug_problem(value: str) -> str:
    return "" if _SLUG.fullmatch(value) else _("Please use 1 to 64 small letters, digits and hyphens.")


def _title_problem(value: str) -> str:
    return "" if value else _("A newsletter needs a title.")


def _language_problem(value: str) -> str:
    return "" if value in LANGUAGES else _('Please choose "de" or "en".')


def _measurement_problem(value: str) -> str:
    return "" if value in list(Measurement) else _('Please choose "all", "ask" or "off".')


def _accent_problem(value: str) -> str:
    return "" if _ACCENT.fullmatch(value) else _("Please give a colour like #0b5c8a.")


_PROBLEMS = {
    "slug": _slug_problem,
    "title": _title_problem,
    "language": _language_problem,
    "measurement": _measurement_problem,
    "accent": _accent_problem,
    "time_zone": hours.zone_problem,
    "send_from": hours.clock_problem,
    "send_until": hours.clock_problem,
}
