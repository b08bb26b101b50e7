"""Wordings: the texts that people were shown, stored once per version and named by their digest.

A receipt points at the very words (EDPB Guidelines 05/2020 §108: today's settings prove nothing).
"""

import hashlib
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from newsletter.core.db import db
from newsletter.core.errors import NotFound
from newsletter.core.i18n import gettext as _
from newsletter.privacy.models import Wording

CONSENT, PRIVACY, IMPORT, IMPRINT = "consent", "privacy", "import", "imprint"
SHORT = 16


@lru_cache(maxsize=64)
def digest(kind: str, language: str, text: str) -> bytes:
    """Return the 32 bytes (SHA-256) that name the text: any change of a letter gives another name."""
    return hashlib.sha256("\0".join((kind, language, text)).encode()).digest()


def store(kind: str, language: str, text: str) -> bytes:
    """Keep the text, unless it is kept already, and return its digest. The caller commits. Never deleted."""
    name = digest(kind, language, text)
    row = insert(Wording).values(digest=name, kind=kind, language=language, text=text)
    db.session.execute(row.on_conflict_do_nothing())
    return name


def text_of(name: bytes) -> str | None:
    """Return the text with this digest, or None."""
    return db.session.execute(select(Wording.text).where(Wording.digest == name)).scalar_one_or_none()


def by_short_name(kind: str, short: str) -> Wording:
    """Return the kept text whose digest starts with these 16 hex digits; raise `NotFound`."""
    try:
        start = bytes.fromhex(short) if len(short) == SHORT else b""
    except ValueError:
        start = b""
    found = db.session.execute(
        select(Wording).where(Wording.kind == kind, Wording.digest >= start, Wording.digest < start + b"\xff" * 32)
    ).scalars()
    wording = found.first() if start else None
    if wording is None:
        raise NotFound(_("There is no such version."))
    return wording
