"""A consent text announced for a time ahead: it counts by itself from then on, and can be taken back before."""

from newsletter.core.db import db, utcnow
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.recipients import hours, newsletters, versions
from newsletter.recipients.models import Newsletter


def plan(newsletter: Newsletter, text: str, at: str) -> None:
    """Announce `text`, empty for the default, and commit; `at` is a time in the newsletter's zone. Raise `Invalid`."""
    moment = hours.ahead(at, newsletter.time_zone)
    clean = newsletters.validated({"consent_text": text})
    if moment is None:
        raise Invalid({"at": _("Please give day and time.")})
    if moment <= utcnow():
        raise Invalid({"at": _("This time is over: please choose one ahead.")})
    versions.note_around(newsletter)
    newsletter.next_consent_text, newsletter.next_consent_at = clean["consent_text"], moment
    db.session.flush()
    versions.note_around(newsletter)


def withdraw(newsletter: Newsletter) -> None:
    """Take back what is announced, and commit."""
    versions.note_around(newsletter)
    newsletter.next_consent_text, newsletter.next_consent_at = "", None
    db.session.flush()
    versions.note_around(newsletter)
