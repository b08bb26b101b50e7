"""Putting versions of texts in force: by staff, now or announced for a time ahead, or as the settings change.

One version of a series may be ahead. It is in force by itself when its time comes, and may be replaced or taken back
until then.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects.postgresql import insert

from newsletter.core import texts
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.privacy import documents, wordings
from newsletter.privacy.documents import Edition, Series
from newsletter.privacy.models import Document

MAX_CHARACTERS = 20_000


def publish(series: Series, text: str, *, at: datetime | None = None, made: bool = False) -> Edition:
    """Put a version in force, now or `at` a time ahead, and commit. It replaces one that is ahead.

    The words that are in force are no new version. Raises `Invalid` for `text` or `at`, and `Conflict` when someone
    else was quicker.
    """
    text = checked(text, at)
    before = documents.current(series)
    if at is None and before is not None and (before.text, before.made) == (text, made):
        return before
    withdraw(series)
    if not _add(series, text, at or utcnow(), made=made):
        db.session.rollback()
        raise Conflict(_("Someone else has just put a version in force. Please look at it first."))
    db.session.commit()
    found = documents.ahead(series) if at else documents.current(series)
    assert found is not None  # noqa: S101  # just committed
    return found


def checked(text: str, at: datetime | None = None) -> str:
    """Return a text as it is kept; raise `Invalid` for it, or for the time from which it is to be in force."""
    text = text.replace("\r\n", "\n").strip()
    late = at is not None and at <= utcnow()
    errors = {"text": _problem(text), "at": _("This time is over: please choose one ahead.") if late else ""}
    if any(errors.values()):
        raise Invalid({field: problem for field, problem in errors.items() if problem})
    return text


def withdraw(series: Series) -> bool:
    """Take back the version that is ahead and return whether there was one. The caller commits."""
    gone = delete(Document).where(*_ahead(series)).execution_options(synchronize_session=False)
    return db.session.execute(gone.returning(Document.id)).first() is not None


def note(series: Series, text: str, *, since: datetime) -> None:
    """Count a text made from the settings as a version when it has become another one. The caller commits.

    Nothing happens while a text by staff is in force. `since` when it is in force counts for the first version, whose
    beginning nobody noted; others begin now. A version that is ahead makes room for the number.
    """
    before = documents.current(series)
    if before is not None and (not before.made or before.text == text):
        return
    later = update(Document).where(*_ahead(series)).values(version=Document.version + 1)
    db.session.execute(later.execution_options(synchronize_session=False))
    _add(series, text, utcnow() if before else since, made=True)  # or somebody does so at this moment


def announce(series: Series, text: str, at: datetime) -> None:
    """Have a text, as the settings will make it, come into force at `at`, unless that is announced. The caller commits.

    It replaces what is ahead.
    """
    found = documents.ahead(series)
    if found is None or (found.text, found.in_force_at) != (text, at):
        withdraw(series)
        _add(series, text, at, made=True)


def _add(series: Series, text: str, at: datetime, *, made: bool) -> bool:
    """Add the version after the one in force; return whether its number was still to be had."""
    before = documents.current(series)
    row = insert(Document).values(
        **vars(series),
        version=before.version + 1 if before else 1,
        wording=wordings.store(series.kind, series.language, text),
        in_force_at=at,
        made=made,
    )
    return db.session.execute(row.on_conflict_do_nothing().returning(Document.id)).first() is not None


def _ahead(series: Series) -> tuple[ColumnElement[bool], ...]:
    return (
        Document.kind == series.kind,
        Document.language == series.language,
        Document.newsletter_id.is_not_distinct_from(series.newsletter_id),
        Document.in_force_at > utcnow(),
    )


def _problem(text: str) -> str:
    if not text:
        return _("Please write something.")
    if not texts.is_text(text):
        return _("Please leave out control characters.")
    if len(text) > MAX_CHARACTERS:
        return _("This may have up to %(number)s characters.", number=MAX_CHARACTERS)
    return ""
