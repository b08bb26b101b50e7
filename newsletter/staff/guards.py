"""Who may see a staff page, and how often one may try to sign in."""

from collections.abc import Callable
from typing import cast

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from newsletter.core.digests import digest
from newsletter.core.i18n import gettext as _
from newsletter.core.limits import limiter, network
from newsletter.staff import sessions
from newsletter.staff.models import RoleName

Guard = Callable[[], ResponseReturnValue | None]


def require_role(*roles: RoleName) -> Guard:
    """Return a `before_request` function: sends strangers to the login, answers 403 without one of `roles`.

    An administrator may do whatever marketing may.
    """
    allowed = {*roles, RoleName.ADMIN}

    def guard() -> ResponseReturnValue | None:
        if not current_user.is_authenticated:
            if session.get("seen_at"):
                session.clear()
                flash(_("You were signed out because nothing had happened for a while. Please sign in again."))
            onwards = request.full_path.removesuffix("?") if request.method == "GET" else None
            return redirect(url_for("security.login", next=onwards))
        if not allowed & {role.name for role in current_user.roles}:
            raise Forbidden
        sessions.touch()
        return None

    return guard


def bearer() -> str | None:
    """Return the API token that the request shows, good or not (RFC 6750 §2.1)."""
    authorization = request.authorization
    return authorization.token if authorization is not None and authorization.type == "bearer" else None


def throttled(login: RouteCallable) -> RouteCallable:
    """Allow ten attempts per account and network in ten minutes, and a hundred per network."""
    by_account = limiter.limit("10 per 10 minutes", key_func=_account_and_network, methods=["POST"])
    by_network = limiter.limit("100 per 10 minutes", key_func=network, methods=["POST"])
    return cast(RouteCallable, by_account(by_network(login)))


def _account_and_network() -> str:
    email = request.form.get("email", "").strip().lower()
    return digest("limits.login", f"{email}|{network()}").hex()[:24]


def is_admin() -> bool:
    """Return whether the person may see accounts, API tokens and the audit trail. For templates."""
    return bool(current_user.is_authenticated) and RoleName.ADMIN in {role.name for role in current_user.roles}
