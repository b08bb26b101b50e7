"""The words a person agrees to when signing up, as shown and as kept: what, from whom, measured how, the way out.

All functions tell how it is now, or how it will be at a moment ahead: a newsletter's next text may be announced.
"""

from datetime import datetime

from newsletter.core.db import utcnow
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import speaking
from newsletter.recipients.models import Measurement, Newsletter


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
    with speaking(language_of(newsletter, language, at)):
        own = [part.strip() for part in own_words(newsletter, at).split("\n\n") if part.strip()]
        return [*(own or _default(newsletter)), *_measurement(newsletter), _withdrawal()]


def measurement_question(newsletter: Newsletter, language: str, at: datetime | None = None) -> str:
    """Return the words beside the box that a newsletter with measurement `ask` shows; empty otherwise."""
    if newsletter.measurement != Measurement.ASK:
        return ""
    with speaking(language_of(newsletter, language, at)):
        return _(
            "I also agree that %(sender)s counts, under a pseudonym, whether I open the e-mails and which links "
            "I click. I can object at any time.",
            sender=newsletter.from_name,
        )


def text(newsletter: Newsletter, language: str, at: datetime | None = None) -> str:
    """Return everything that stood at the form, as it is kept in the wording."""
    question = measurement_question(newsletter, language, at)
    return "\n\n".join([*paragraphs(newsletter, language, at), *([f"[ ] {question}"] if question else [])])


def _default(newsletter: Newsletter) -> list[str]:
    words = _(
        "Yes, %(sender)s may send me the newsletter “%(title)s” by e-mail.",
        sender=newsletter.from_name,
        title=newsletter.title,
    )
    about = newsletter.description.strip()
    return [words, *([_("What it is about: %(about)s", about=about)] if about else [])]


def _measurement(newsletter: Newsletter) -> list[str]:
    if newsletter.measurement != Measurement.ALL:
        return []
    return [
        _(
            "To see what is of interest, %(sender)s counts, under a pseudonym, whether the e-mails are opened "
            "and which links are clicked. You can object at any time.",
            sender=newsletter.from_name,
        )
    ]


def _withdrawal() -> str:
    return _("You can withdraw your consent at any time, with one click in every e-mail. Your address is then deleted.")
