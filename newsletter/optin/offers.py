"""What one signs up for, and by which texts: remembered by this process, since a visitor waits.

Nothing comes of what is remembered but by the statement that stores a sign-up, which stores nothing unless all of it
is still so in the database (`UNCHANGED`). Whoever finds that it is not reads anew.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

from flask import Flask, current_app
from sqlalchemy import LargeBinary, Text, and_, bindparam, cast, func, select, text, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from newsletter.core.db import db, utcnow
from newsletter.core.i18n import LANGUAGES
from newsletter.privacy import documents, wordings
from newsletter.privacy.models import Wording
from newsletter.recipients import consent, newsletters, statement
from newsletter.recipients.models import Newsletter
from newsletter.recipients.statement import Basis

EXTENSION = "newsletter-offers"
REMEMBERED_SECONDS = 60.0


class Texts(NamedTuple):
    """The digests of what one agrees to and of what one is told: the consent text and the privacy statement."""

    agreed_to: bytes
    told: bytes

    @property
    def name(self) -> str:
        """Return the short name by which a form says what it shows."""
        return (self.agreed_to[: wordings.SHORT // 2] + self.told[: wordings.SHORT // 2]).hex()


class Offer(NamedTuple):
    """A newsletter, of no session, what the privacy statement depends on, the texts of both by language, and the
    `state` of all that decides about them.
    """

    newsletter: Newsletter
    told: Basis
    texts: Mapping[str, Texts]
    state: str
    read_at: float


_now = bindparam("now", type_=Newsletter.next_consent_at.type)
_rows = Newsletter.__table__.alias().c
# A row's version is the transaction that wrote it (PostgreSQL documentation, 5.6); a text announced comes by itself.
_version = func.concat_ws(text("' '"), _rows.id, text("xmin"), _rows.next_consent_at <= _now)
_versions = select(func.string_agg(_version, aggregate_order_by(text("','"), _rows.id))).scalar_subquery()
_written = (documents.written(wordings.PRIVACY, code) for code in LANGUAGES)
_STATE = cast(func.json_build_array(_versions, *_written), Text)
_kept = (select(true()).where(Wording.digest == bindparam(name, type_=LargeBinary)).exists() for name in Texts._fields)
UNCHANGED = and_(bindparam("state", type_=Text) == _STATE, *_kept)
"""The condition for what an offer says in one language; see `places`."""
_BY_SLUG = newsletters.BY_SLUG.add_columns(_STATE, *statement.BASIS)


def init_app(app: Flask) -> None:
    """Remember nothing yet."""
    app.extensions[EXTENSION] = {}


def remembered(slug: str) -> Offer:
    """Return what is offered at `slug` as it was within the last minute; raise `NotFound`."""
    offer: Offer | None = current_app.extensions[EXTENSION].get(slug)
    is_young = offer is not None and time.monotonic() - offer.read_at < REMEMBERED_SECONDS
    return offer if offer and is_young else _read(slug)


def renewed(offer: Offer, language: str) -> Offer:
    """Return the same as it is now, and keep its texts in this language; commit. Raises `NotFound` when it is gone."""
    now = _read(offer.newsletter.slug)
    wordings.store(*_consent(now.newsletter, language))
    statement.keep(language, now.told)
    db.session.commit()
    return now


def _read(slug: str) -> Offer:
    newsletter, state, *columns = newsletters.row_by_slug(_BY_SLUG, slug, now=utcnow())
    db.session.expunge(newsletter)
    told = statement.basis(*columns)
    texts = {
        code: Texts(wordings.digest(*_consent(newsletter, code)), statement.digest(code, told)) for code in LANGUAGES
    }
    offer = Offer(newsletter, told, texts, state, time.monotonic())
    current_app.extensions[EXTENSION][slug] = offer
    return offer


def texts_in_force(newsletter: Newsletter, language: str) -> str:
    """Return the name of the texts that a form shows now. Keeps nothing: a form is only looked at."""
    told = wordings.digest(wordings.PRIVACY, language, statement.in_force(language))
    return Texts(wordings.digest(*_consent(newsletter, language)), told).name


def places(offer: Offer, language: str) -> dict[str, object]:
    """Return what fills the places of `UNCHANGED`."""
    return {"now": utcnow(), "state": offer.state, **offer.texts[language]._asdict()}


def _consent(newsletter: Newsletter, language: str) -> tuple[str, str, str]:
    return wordings.CONSENT, consent.language_of(newsletter, language), consent.text(newsletter, language)
