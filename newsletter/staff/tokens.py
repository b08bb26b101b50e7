"""Bearer tokens of the API: 256 random bits, shown once; only their SHA-256 is stored."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from newsletter.core import paging, texts
from newsletter.core.db import db
from newsletter.core.errors import Conflict, Invalid, NotFound
from newsletter.core.i18n import gettext as _
from newsletter.core.paging import Page
from newsletter.staff import audit
from newsletter.staff.models import ApiToken

PREFIX = "nl_"
RANDOM_OCTETS = 32
_FORM = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
NOTE_USE_EVERY = timedelta(minutes=1)
MAX_NAME_CHARACTERS = 80
AT_ONCE = 100


def create(name: str) -> str:
    """Store a token called `name` and return it, the only time that anybody sees it.

    Raises `Invalid` for an empty or long name, `Conflict` when the name is taken.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not texts.is_line(name):
        raise Invalid({"name": _("Please give a name of up to 80 characters, on one line.")})
    bearer = PREFIX + secrets.token_urlsafe(RANDOM_OCTETS)
    db.session.add(ApiToken(name=name, digest=_digest(bearer)))
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise Conflict(_("There is a token with this name already.")) from None
    audit.note("token.create", name)
    return bearer


def authenticate(bearer: str) -> ApiToken | None:
    """Return the token that `bearer` is, or None. What is done from here on is noted as done by it.

    The look-up goes by the digest, so the time taken tells nothing about a near miss.
    """
    if not _FORM.fullmatch(bearer):
        # Someone may show anything here, an address too: no digest of that, which has no key, goes anywhere.
        return None
    digest = _digest(bearer)
    token = db.session.execute(select(ApiToken).where(ApiToken.digest == digest)).scalar_one_or_none()
    if token is None or not hmac.compare_digest(token.digest, digest):
        return None
    # At most once a minute: a busy client would otherwise write a row per request.
    stale = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at < func.now() - NOTE_USE_EVERY)
    db.session.execute(update(ApiToken).where(ApiToken.id == token.id, stale).values(last_used_at=func.now()))
    db.session.commit()
    audit.act_as(audit.TOKEN + token.name)
    return token


def page(before: int | None = None, size: int = AT_ONCE) -> Page[ApiToken]:
    """Return tokens, newest first, older than the one with the id `before`."""
    return paging.page(select(ApiToken), ApiToken.id, size, before)


def every() -> list[ApiToken]:
    """Return all tokens, newest first."""
    return list(db.session.execute(select(ApiToken).order_by(ApiToken.id.desc())).scalars())


def by_id(token_id: int) -> ApiToken:
    """Return one token; raise `NotFound`."""
    token = db.session.get(ApiToken, token_id)
    if token is None:
        raise NotFound(_("There is no such token."))
    return token


def revoke(token_id: int) -> None:
    """Delete a token: the next call with it is refused. Raises `NotFound`."""
    name = db.session.execute(
        delete(ApiToken).where(ApiToken.id == token_id).returning(ApiToken.name)
    ).scalar_one_or_none()
    if name is None:
        db.session.rollback()
        raise NotFound(_("There is no such token."))
    db.session.commit()
    audit.note("token.revoke", name)


def _digest(bearer: str) -> bytes:
    return hashlib.sha256(bearer.encode("utf-8", "surrogatepass")).digest()
