"""Sessions of the staff: new at login, gone 30 minutes after the last act or 12 hours after the login, and
ended on the server by signing out, so that a planted or stolen cookie is worth nothing, or not for long (OWASP
ASVS 5.0, chapter V7). The cookie is signed; its name and flags are in config.py."""

import time

from flask import current_app, g, session
from sqlalchemy import select

from newsletter.core.db import db
from newsletter.staff.models import Staff

IDLE_SECONDS = 30 * 60
ABSOLUTE_SECONDS = 12 * 3600
TOUCH_SECONDS = 60
LOGIN_KEYS = ("_user_id", "_id", "_fresh")


def begin(*_signal: object, **_values: object) -> None:
    """Leave nothing of what the session held before the login, least of all its CSRF token."""
    kept = {key: session[key] for key in LOGIN_KEYS if key in session}
    session.clear()
    g.pop(current_app.config["WTF_CSRF_FIELD_NAME"], None)
    session.update(kept)
    session.permanent = True
    session["began_at"] = session["seen_at"] = int(time.time())


def end(*_signal: object, user: Staff, **_values: object) -> None:
    """Make every copy of the session worthless: what it names is replaced in the account's row."""
    session.clear()
    if isinstance(user, Staff):
        current_app.extensions["security"].datastore.set_uniquifier(user)
        db.session.commit()


def touch() -> None:
    """Note that the person is still there; writes the cookie at most once a minute."""
    now = int(time.time())
    if now - session.get("seen_at", 0) >= TOUCH_SECONDS:
        session["seen_at"] = now


def alive() -> bool:
    """Return whether this session has neither idled too long nor lasted too long."""
    now = time.time()
    idle_seconds, lasted_seconds = now - session.get("seen_at", 0), now - session.get("began_at", 0)
    return bool(idle_seconds < IDLE_SECONDS and lasted_seconds < ABSOLUTE_SECONDS)


def load(uniquifier: str) -> Staff | None:
    """Return whose session this is, or None when it has ended or the account was closed."""
    if not alive():
        return None
    return db.session.execute(select(Staff).where(Staff.fs_uniquifier == uniquifier, Staff.active)).scalar_one_or_none()
