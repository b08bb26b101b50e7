"""The versions of what is made from the settings: the consent texts of newsletters, and the privacy statement.

Noted when staff change a newsletter, and by the worker once a minute: the words depend on the environment and on the
release that runs, too.
"""

from datetime import datetime

from sqlalchemy import select, update

from newsletter.core.db import db, utcnow
from newsletter.core.i18n import LANGUAGES
from newsletter.privacy import documents, publishing, wordings
from newsletter.privacy.documents import Edition, Series
from newsletter.recipients import consent, statement
from newsletter.recipients.models import Newsletter

SAID = {
    "title", "description", "language", "from_name", "from_address", "imprint", "consent_text", "measurement",
}  # fmt: skip
"""The fields of a newsletter that the texts speak of."""


def note_all() -> None:
    """Note how all texts are worded now, and commit."""
    take_due()
    for newsletter in db.session.execute(select(Newsletter)).scalars():
        note(newsletter)
    note_statement()
    db.session.commit()


def note_around(newsletter: Newsletter) -> None:
    """Note how all that speaks of this newsletter is worded now, before and after it is changed; commit."""
    take_due()
    db.session.refresh(newsletter)
    note(newsletter)
    note_statement()
    db.session.commit()


def note(newsletter: Newsletter) -> None:
    """Note how the consent text is worded now, and from when it will be worded otherwise. The caller commits."""
    now, at = utcnow(), newsletter.next_consent_at
    for series, text in _worded(newsletter, now):
        publishing.note(series, text, since=newsletter.created_at)
    coming = _worded(newsletter, at) if at is not None and at > now else []
    for series, text in coming:
        publishing.announce(series, text, at or now)
    for code in LANGUAGES:
        series = Series(wordings.CONSENT, code, newsletter.id)
        if series not in [announced for announced, _text in coming]:
            publishing.withdraw(series)


def note_statement() -> None:
    """Note how the privacy statement is worded now. The caller commits."""
    for code in LANGUAGES:
        publishing.note(Series(wordings.PRIVACY, code), statement.text(code), since=utcnow())


def take_due() -> None:
    """Make the next consent text of each newsletter whose time has come the present one. The caller commits."""
    due = update(Newsletter).where(Newsletter.next_consent_at <= utcnow())
    values = {"consent_text": Newsletter.next_consent_text, "next_consent_text": "", "next_consent_at": None}
    db.session.execute(due.values(**values))


def in_force(newsletter: Newsletter, language: str) -> Edition | None:
    """Return the version of the consent text that people are shown now; None before it was noted."""
    spoken = consent.language_of(newsletter, language)
    edition = documents.current(Series(wordings.CONSENT, spoken, newsletter.id))
    return edition if edition and edition.text == consent.text(newsletter, language) else None


def _worded(newsletter: Newsletter, at: datetime) -> list[tuple[Series, str]]:
    spoken = {consent.language_of(newsletter, code, at) for code in LANGUAGES}
    return [
        (Series(wordings.CONSENT, code, newsletter.id), consent.text(newsletter, code, at)) for code in sorted(spoken)
    ]
