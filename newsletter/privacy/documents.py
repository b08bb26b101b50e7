"""Documents: privacy statement and imprint as staff have written them, in versions. None is ever changed or deleted."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from newsletter.core import texts
from newsletter.core.db import db
from newsletter.core.errors import Conflict, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.privacy import wordings
from newsletter.privacy.models import Document, Wording

KINDS = (wordings.PRIVACY, wordings.IMPRINT)
MAX_CHARACTERS = 20_000
HEADING = "# "


@dataclass(frozen=True)
class Edition:
    """A version, and its words."""

    version: int
    in_force_at: datetime
    name: str
    text: str


@dataclass(frozen=True)
class Section:
    """A heading, which may be empty, and the paragraphs below it."""

    title: str
    paragraphs: list[str]


def current(kind: str, language: str) -> Edition | None:
    """Return the version in force; None when staff have written none in this language."""
    query = (
        select(Document.version, Document.in_force_at, Wording.digest, Wording.text)
        .join(Wording, Wording.digest == Document.wording)
        .where(Document.kind == kind, Document.language == language)
        .order_by(Document.version.desc())
    )
    row = db.session.execute(query.limit(1)).first()
    return Edition(row[0], row[1], row[2].hex()[: wordings.SHORT], row[3]) if row else None


def publish(kind: str, language: str, text: str) -> Edition:
    """Put a new version in force and commit; the same words again are no new version. Raises `Invalid` for `text`."""
    text = text.replace("\r\n", "\n").strip()
    problem = _problem(text)
    if problem:
        raise Invalid({"text": problem})
    before = current(kind, language)
    if before is not None and before.text == text:
        return before
    wording = wordings.store(kind, language, text)
    version = before.version + 1 if before else 1
    db.session.add(Document(kind=kind, language=language, version=version, wording=wording))
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise Conflict(_("Someone else has just put a version in force. Please look at it first.")) from None
    made = current(kind, language)
    assert made is not None  # noqa: S101  # just committed
    return made


def _problem(text: str) -> str:
    if not text:
        return _("Please write something.")
    if not texts.is_text(text):
        return _("Please leave out control characters.")
    if len(text) > MAX_CHARACTERS:
        return _("This may have up to %(number)s characters.", number=MAX_CHARACTERS)
    return ""


def sections(text: str) -> list[Section]:
    """Return a text by its headings: paragraphs, parted by empty lines, that begin with `# `."""
    found = [Section("", [])]
    for paragraph in (part.strip() for part in text.split("\n\n")):
        if paragraph.startswith(HEADING):
            title, _newline, rest = paragraph.removeprefix(HEADING).partition("\n")
            found.append(Section(title.strip(), [rest] if rest else []))
        elif paragraph:
            found[-1].paragraphs.append(paragraph)
    return [section for section in found if section.title or section.paragraphs]
