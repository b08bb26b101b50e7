"""The words a person agrees to when signing up, as shown and as kept: what, from whom, measured how, the way out.

All functions tell how it is now, or how it will be at a moment ahead: a newsletter's next text may be announced.
"""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from newsletter.core.db import utcnow
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import speaking
from newsletter.recipients.models import Measurement, Newsletter


class Terms(NamedTuple):
    """What the words depend on, at one moment."""

    own: str
    title: str
    description: str
    from_name: str
    measurement: Measurement


def own_words(newsletter: Newsletter, at: datetime | None = None) -> str:
    """Return what the newsletter says itself, or nothing for the default."""
    next_at = newsletter.next_consent_at
    is_due = next_at is not None and next_at <= (at or utcnow())
    return (newsletter.next_consent_text if is_due else newsletter.consent_text).strip()


def language_of(newsletter: Newsletter, wished: str, at: datetime | None = None) -> str:
    """Return the language of the whole consent: the newsletter's where it has words of its own, else as wished."""
    return newsletter.language if own_words(newsletter, at) else wished


def paragraphs(newsletter: Newsletter, language: str, at: datetime | None = None) -> list[str]:
    """Return the consent text: the newsletter's own words or the default in `language`, then what is the same for all.

    With measurement `all` it says so. With `ask` the words of the box (`measurement_question`) are not among these.
    """
    return _paragraphs(_terms(newsletter, at), language_of(newsletter, language, at))


def measurement_question(newsletter: Newsletter, language: str, at: datetime | None = None) -> str:
    """Return the words beside the box that a newsletter with measurement `ask` shows; empty otherwise."""
    return _question(_terms(newsletter, at), language_of(newsletter, language, at))


def text(newsletter: Newsletter, language: str, at: datetime | None = None) -> str:
    """Return everything that stood at the form, as it is kept in the wording."""
    return _text(_terms(newsletter, at), language_of(newsletter, language, at))


def _terms(newsletter: Newsletter, at: datetime | None) -> Terms:
    return Terms(
        own_words(newsletter, at),
        newsletter.title,
        newsletter.description.strip(),
        newsletter.from_name,
        newsletter.measurement,
    )


@lru_cache(maxsize=64)
def _text(terms: Terms, language: str) -> str:
    question = _question(terms, language)
    return "\n\n".join([*_paragraphs(terms, language), *([f"[ ] {question}"] if question else [])])


def _paragraphs(terms: Terms, language: str) -> list[str]:
    with speaking(language):
        own = [part.strip() for part in terms.own.split("\n\n") if part.strip()]
        return [*(own or _default(terms)), *_measurement(terms), _withdrawal()]


def _question(terms: Terms, language: str) -> str:
    if terms.measurement != Measurement.ASK:
        return ""
    with speaking(language):
        return _(
            "I also agree that %(sender)s counts, under a pseudonym, whether I open the e-mails and which links "
            "I click. I can object at any time.",
            sender=terms.from_name,
        )


def _default(terms: Terms) -> list[str]:
    words = _(
        "Yes, %(sender)s may send me the newsletter “%(title)s” by e-mail.", sender=terms.from_name, title=terms.title
    )
    return [words, *([_("What it is about: %(about)s", about=terms.description)] if terms.description else [])]


def _measurement(terms: Terms) -> list[str]:
    if terms.measurement != Measurement.ALL:
        return []
    return [
        _(
            "To see what is of interest, %(sender)s counts, under a pseudonym, whether the e-mails are opened "
            "and which links are clicked. You can object at any time.",
            sender=terms.from_name,
        )
    ]


def _withdrawal() -> str:
    return _("You can withdraw your consent at any time, with one click in every e-mail. Your address is then deleted.")
