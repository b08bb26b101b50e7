"""Documents: the texts of the service and of each newsletter in versions, with the date from which each is in force.

Privacy statement and imprint are written by staff, or made from the settings; consent texts are always made from the
settings of their newsletter. A version that was in force is never changed or deleted (`publishing`).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, Select, bindparam, case, select

from newsletter.core.db import db, utcnow
from newsletter.privacy import wordings
from newsletter.privacy.models import Document, Wording

KINDS = (wordings.PRIVACY, wordings.IMPRINT)
"""What staff write a text of; the consent text of a newsletter is among its settings."""
HEADING = "# "


@dataclass(frozen=True)
class Series:
    """What has versions: a kind of text in a language, of the whole service or of a newsletter."""

    kind: str
    language: str
    newsletter_id: int | None = None


@dataclass(frozen=True)
class Edition:
    """A version, and its words. `made` says that they were made from the settings."""

    version: int
    language: str
    in_force_at: datetime
    made: bool
    digest: bytes
    text: str

    @property
    def name(self) -> str:
        """Return the end of its address: the first digits of the digest."""
        return self.digest.hex()[: wordings.SHORT]

    @property
    def is_ahead(self) -> bool:
        """Return whether it is announced, and not in force yet."""
        return self.in_force_at > utcnow()


@dataclass(frozen=True)
class Section:
    """A heading, which may be empty, and the paragraphs below it."""

    title: str
    paragraphs: list[str]


Editions = Select[int, str, datetime, bool, bytes, str]


def current(series: Series) -> Edition | None:
    """Return the version in force, the newest that is not ahead; None when there is none."""
    return _first(_of(series).where(Document.in_force_at <= utcnow()))


def written(kind: str, language: str) -> ScalarSelect[bytes | None]:
    """Return a column, to be asked for among others: the digest of what staff wrote of the whole service.

    Takes `:now`; empty where the version in force is made from the settings, or there is none.
    """
    found = select(case((Document.made, None), else_=Document.wording)).where(
        Document.kind == kind,
        Document.newsletter_id.is_(None),
        Document.language == language,
        Document.in_force_at <= bindparam("now"),
    )
    return found.order_by(Document.version.desc()).limit(1).scalar_subquery()


def ahead(series: Series) -> Edition | None:
    """Return the version that is announced, or None."""
    return _first(_of(series).where(Document.in_force_at > utcnow()))


def every(kind: str, *, language: str | None = None, newsletter_id: int | None = None) -> list[Edition]:
    """Return all versions, in one language or in all, the newest first."""
    query = _all(kind, newsletter_id).order_by(Document.in_force_at.desc(), Document.version.desc())
    if language is not None:
        query = query.where(Document.language == language)
    return [Edition(*row) for row in db.session.execute(query)]


def with_words(
    kind: str, digest: bytes, *, newsletter_id: int | None = None, at: datetime | None = None
) -> Edition | None:
    """Return the version of just these words that was the newest `at` a moment, by default now; None without one."""
    by_then = Document.in_force_at <= (at or utcnow())
    query = _all(kind, newsletter_id).where(Document.wording == digest)
    return _first(query.order_by(by_then.desc(), Document.version.desc()))


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


def _all(kind: str, newsletter_id: int | None) -> Editions:
    columns = (Document.version, Document.language, Document.in_force_at, Document.made, Wording.digest, Wording.text)
    return (
        select(*columns)
        .join(Wording, Wording.digest == Document.wording)
        .where(Document.kind == kind, Document.newsletter_id.is_not_distinct_from(newsletter_id))
    )


def _of(series: Series) -> Editions:
    query = _all(series.kind, series.newsletter_id).where(Document.language == series.language)
    return query.order_by(Document.version.desc())


def _first(query: Editions) -> Edition | None:
    row = db.session.execute(query.limit(1)).first()
    return Edition(*row) if row else None
