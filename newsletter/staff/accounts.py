"""Accounts of the staff, on Flask-Security: no registration, no default password, argon2, one-time links."""

import secrets
import unicodedata
from datetime import timedelta

from flask import Flask, current_app
from flask_login import user_logged_in, user_logged_out
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore, login_user
from flask_security.recoverable import generate_reset_password_token, reset_password_token_status, update_password
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from newsletter.core.db import db, utcnow
from newsletter.core.errors import BadToken, Conflict, Expired, Invalid, NotFound
from newsletter.core.i18n import gettext as _
from newsletter.mail import address
from newsletter.staff import audit, frame, guards, sessions
from newsletter.staff.models import Role, RoleName, Staff
from newsletter.web import is_for_staff

PREFIX = "/staff"
PASSWORD_MIN, PASSWORD_MAX = 12, 200
NO_PASSWORD = ""
"""Flask-Security lets nobody in with it, and takes as long as with any other."""
SETTINGS = {
    "SECURITY_URL_PREFIX": PREFIX,
    "SECURITY_PASSWORD_HASH": "argon2",
    # No pepper: it would be derived from SECRET_KEY, and rotating that would lock everyone out.
    "SECURITY_PASSWORD_SINGLE_HASH": {"argon2"},
    # For what a one-time link says of the password's hash: no password is ever hashed with it.
    "SECURITY_HASHING_SCHEMES": ["hex_sha256"],
    "SECURITY_PASSWORD_LENGTH_MIN": PASSWORD_MIN,
    "SECURITY_RESET_PASSWORD_WITHIN": timedelta(hours=24),
    "SECURITY_SEND_PASSWORD_RESET_NOTICE_EMAIL": False,
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_FLASH_MESSAGES": False,
    "SECURITY_LOGIN_USER_TEMPLATE": "staff/login.html",
    "SECURITY_POST_LOGIN_VIEW": f"{PREFIX}/",
    "SECURITY_POST_LOGOUT_VIEW": f"{PREFIX}/login",
    "SECURITY_LOGOUT_CSRF": True,
    # Switched off: asking for the password again, its own static files and command line.
    "SECURITY_FRESHNESS": timedelta(seconds=-1),
    "SECURITY_STATIC_FOLDER": None,
    "SECURITY_CLI_USERS_NAME": None,
    "SECURITY_CLI_ROLES_NAME": None,
    # The token lives as long as the session, and the cookie is SameSite. We send no Referer to check.
    "WTF_CSRF_TIME_LIMIT": None,
    "WTF_CSRF_SSL_STRICT": False,
}


class StaffLoginForm(LoginForm):
    """Address and password; nobody is remembered beyond the session."""

    remember = None  # type: ignore[assignment]  # the way to leave a field out (WTForms)


def init_app(app: Flask) -> None:
    """Set up Flask-Security and the frame of the pages. CSRFProtect has to be there already."""
    frame.init_app(app)
    app.config.from_mapping(SETTINGS)
    security = Security(app, SQLAlchemyUserDatastore(db, Staff, Role), login_form=StaffLoginForm)
    security.want_json(lambda _request: False)
    # Nobody is signed in elsewhere, and looking all the same takes every request 50 µs.
    security.principal._is_static_route = lambda: not is_for_staff()
    manager = security.login_manager
    manager.user_loader(sessions.load)
    # No API tokens of Flask-Security's own beside ours.
    manager.request_loader(None)
    user_logged_in.connect(sessions.begin, app)
    user_logged_out.connect(sessions.end, app)
    endpoint = "security.login"
    app.view_functions[endpoint] = guards.throttled(app.view_functions[endpoint])


def create(email: str, role: str) -> Staff:
    """Store an account that nobody can sign in to yet (see `one_time_login_url`), and commit.

    Raises `Invalid` for the address or the role, `Conflict` when there is such an account, closed or not.
    """
    email = address.parse(email).lower()
    if role not in list(RoleName):
        raise Invalid({"role": _('Please choose "marketing" or "admin".')})
    staff = Staff(email=email, password=NO_PASSWORD, active=True, fs_uniquifier=secrets.token_hex(32))
    staff.roles = [_role(role)]
    db.session.add(staff)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise Conflict(_("There is an account with this address already.")) from None
    audit.note("account.create", email)
    return staff


def _role(name: str) -> Role:
    db.session.execute(insert(Role).values(name=name).on_conflict_do_nothing())
    return db.session.execute(select(Role).where(Role.name == name)).scalar_one()


def one_time_login_url(staff: Staff) -> str:
    """Return a link with which `staff` sets a password and is signed in: for 24 hours, and once.

    Raises `Conflict` for a closed account.
    """
    if not staff.active:
        raise Conflict(_("This account is closed."))
    token = generate_reset_password_token(staff)  # type: ignore[no-untyped-call]  # Flask-Security's
    return f"{current_app.config['PUBLIC_URL']}{PREFIX}/set-password/{token}"


def by_one_time_token(token: str) -> Staff:
    """Return whose one-time link this is; raise `BadToken`, or `Expired` after 24 hours."""
    expired, invalid, staff = reset_password_token_status(token)  # type: ignore[no-untyped-call]
    if expired:
        raise Expired(_("This link is more than 24 hours old."))
    if invalid or staff is None or not staff.active:
        raise BadToken(_("This link was used already, or is not complete."))
    found: Staff = staff
    return found


def set_password(token: str, password: str, again: str) -> Staff:
    """Give the account behind a one-time link its password, sign it in, end its other sessions and the link.

    Raises `BadToken`, `Expired`, and `Invalid` for the two fields.
    """
    staff = by_one_time_token(token)
    password = unicodedata.normalize("NFKD", password)
    errors = _password_errors(password, staff.email)
    if not errors and unicodedata.normalize("NFKD", again) != password:
        errors = {"again": _("The two passwords differ.")}
    if errors:
        raise Invalid(errors)
    still = select(Staff.fs_uniquifier).where(Staff.id == staff.id).with_for_update()
    if db.session.execute(still).scalar_one() != staff.fs_uniquifier:  # the same link, used in this very moment
        raise BadToken(_("This link was used already, or is not complete."))
    update_password(staff, password)  # type: ignore[no-untyped-call]
    db.session.commit()
    login_user(staff, authn_via=["reset"])
    audit.note("account.password", staff.email)
    return staff


def _password_errors(password: str, email: str) -> dict[str, str]:
    if len(password) < PASSWORD_MIN:
        return {"password": _("A password needs at least %(number)s characters.", number=PASSWORD_MIN)}
    if len(password) > PASSWORD_MAX:
        return {"password": _("A password may have up to %(number)s characters.", number=PASSWORD_MAX)}
    if email.partition("@")[0] in password.lower() or len(set(password)) < 5:
        return {"password": _("This password is too easy to guess.")}
    return {}


def every() -> list[Staff]:
    """Return all accounts, open ones first, by address."""
    return list(db.session.execute(select(Staff).order_by(Staff.active.desc(), Staff.email)).scalars())


def by_id(staff_id: int) -> Staff:
    """Return one account; raise `NotFound`."""
    staff = db.session.get(Staff, staff_id)
    if staff is None:
        raise NotFound(_("There is no such account."))
    return staff


def deactivate(staff: Staff) -> None:
    """Close an account: its sessions and links end now. Raises `Conflict` for the last open administrator."""
    others = select(func.count()).where(
        Staff.active, Staff.id != staff.id, Staff.roles.any(Role.name == RoleName.ADMIN.value)
    )
    # Two administrators may close each other at the same moment.
    db.session.execute(select(Staff.id).where(Staff.active).order_by(Staff.id).with_for_update())
    if RoleName.ADMIN in {role.name for role in staff.roles} and not db.session.execute(others).scalar_one():
        db.session.rollback()
        raise Conflict(_("This is the last administrator. Create another one first."))
    staff.active, staff.closed_at = False, utcnow()
    staff.fs_uniquifier = secrets.token_hex(32)
    db.session.commit()
    audit.note("account.close", staff.email)


def reactivate(staff: Staff) -> None:
    """Open a closed account again; it needs a new one-time link."""
    staff.active, staff.closed_at = True, None
    staff.password = NO_PASSWORD
    db.session.commit()
    audit.note("account.open", staff.email)
