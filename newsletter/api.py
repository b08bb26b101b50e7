"""The JSON API under /api/v1: who may call it, and the calls of the domains put together.

A bearer token is the only permission. There is no cookie and no session, so there is nothing to forge a
request with, and no CSRF token.
"""

from flask import Blueprint, Flask, Response, current_app, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.campaigns import api as campaigns
from newsletter.core.i18n import gettext as _
from newsletter.openapi.document import document
from newsletter.optin import api as signups
from newsletter.recipients import api as newsletters
from newsletter.staff import guards, tokens
from newsletter.web import problem

bp = Blueprint("api", __name__, url_prefix="/api/v1")
CHILDREN = (signups.bp, newsletters.bp, campaigns.bp)
for child in CHILDREN:
    bp.register_blueprint(child)

PUBLIC = frozenset({"api.openapi", "api.signups.create", "api.signups.challenge"})
"""The endpoints that may be called without a token."""


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    """Add the API to the app."""
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
        app.json.ensure_ascii = False
    app.register_blueprint(bp)
    for blueprint in (bp, *CHILDREN):
        csrf.exempt(blueprint)


@bp.before_request
def authenticate() -> ResponseReturnValue | None:
    """Let a request pass that shows a good token (RFC 6750 §2.1), or needs none."""
    if request.endpoint in PUBLIC:
        return None
    shown = guards.bearer()
    if shown and tokens.authenticate(shown) is not None:
        return None
    return _unauthorized(shown=bool(shown))


def _unauthorized(*, shown: bool) -> Response:
    text = _("Please send a good token in the header Authorization: Bearer.")
    answer = problem(401, _("This needs a token"), detail=text)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="newsletter"' + (', error="invalid_token"' if shown else "")
    return answer


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say how much a body may hold."""
    limit = request.max_content_length or 0
    return problem(413, _("That was too much"), detail=_("The body may hold up to %(number)s bytes.", number=limit))


@bp.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """Answer the document that describes the API."""
    return document(current_app.config["PUBLIC_URL"])
