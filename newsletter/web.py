"""What every answer has in common: security headers, the mapping of domain errors, trusted proxies."""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, current_app, jsonify, render_template, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from newsletter.core import bodies
from newsletter.core.db import db
from newsletter.core.errors import Conflict, Crowded, Expired, Invalid, NewsletterError, NotFound, Unreadable, WrongKind
from newsletter.core.i18n import gettext as _

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

log = logging.getLogger(__name__)

STATUS = {
    NotFound: HTTPStatus.NOT_FOUND,
    Expired: HTTPStatus.GONE,
    Conflict: HTTPStatus.CONFLICT,
    Crowded: HTTPStatus.TOO_MANY_REQUESTS,
    Unreadable: HTTPStatus.BAD_REQUEST,
    WrongKind: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
}
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
PUBLIC_HEADERS = {name: value for name, value in HEADERS.items() if name != "X-Robots-Tag"}
NO_STORE = {"Cache-Control": "no-store"}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
STATIC = ("static", "bootstrap.static")
LONGER = "/api/v1/campaigns"
"""Where texts may be longer; it reads them itself, once it knows who sends them."""
TOKEN_ONLY = ("recipients.leave", "optin.confirm", "optin.not_me", "mailbox.change_address")
"""The endpoints that need nothing but the token: a mail host may send them any body, or half of one (RFC 8058)."""
PUBLIC_PAGES = ("/", "/privacy", "/imprint", "/contact")


class Page(Response):
    """An answer that hands the server a list when all of it is there already: it is then sent in one go."""

    def get_app_iter(self, environ: "WSGIEnvironment") -> Iterable[bytes]:
        """Return the body; a whole one as a list, and closed."""
        body = super().get_app_iter(environ)
        if not self.is_sequence:
            return body
        try:
            return list(body)
        finally:
            self.close()


class StaffSessions(SecureCookieSessionInterface):
    """Sessions are for the staff: on all other pages no cookie is read, set or hinted at (`Vary`)."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the visitor's session, or elsewhere one that nothing comes into and nothing comes out of."""
        return super().open_session(app, request) if is_for_staff() else SecureCookieSession()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie, if this is a staff page."""
        if is_for_staff():
            super().save_session(app, session, response)


def is_for_staff() -> bool:
    """Return whether the request is for one of the staff's pages, the only ones with somebody signed in."""
    return request.path == "/staff" or request.path.startswith("/staff/")


def init_app(app: Flask) -> None:
    """Register headers and error handlers, and believe as many proxies as TRUSTED_PROXIES says."""
    # A path with // is unknown, not a redirect to an address made from what the request says its host is.
    app.url_map.merge_slashes = False
    app.session_interface = StaffSessions()
    app.response_class = Page
    app.before_request(_read_body)
    app.after_request(_headers)
    app.register_error_handler(NewsletterError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    for down in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(down, _database_away)
    app.register_error_handler(Exception, _unexpected)
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]


def _read_body() -> None:
    """Read what was sent, whatever its kind and framing: more than MAX_CONTENT_LENGTH is 413, half of it is 400."""
    if request.path.startswith(LONGER):
        return
    if request.endpoint in TOKEN_ONLY:
        bodies.within_limit(request)
    else:
        bodies.form(request)


def _headers(response: Response) -> Response:
    is_public = request.path in PUBLIC_PAGES or request.path.startswith("/n/")
    # Asking werkzeug for a header that is not there raises and catches an error each time.
    there = {name.lower() for name in response.headers.keys()}  # noqa: SIM118  # its iterator gives pairs
    standing = (item for item in (PUBLIC_HEADERS if is_public else HEADERS).items() if item[0].lower() not in there)
    response.headers.extend(list(standing))
    if request.endpoint not in STATIC:
        response.headers.update(NO_STORE)
    for name, value in _https_only(current_app).items():
        response.headers.setdefault(name, value)
    return response


def _https_only(app: Flask) -> dict[str, str]:
    return HTTPS_ONLY if app.config["PUBLIC_URL"].startswith("https://") else {}


def standing_headers(app: Flask) -> dict[str, str]:
    """Return the headers that every answer has which is neither a static file nor one of the public pages."""
    return HEADERS | NO_STORE | _https_only(app)


def problem(status: int, title: str, **members: Any) -> Response:
    """Return `application/problem+json` (RFC 9457)."""
    response = jsonify({"type": "about:blank", "status": status, "title": title, **members})
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def _answer(status: int, title: str, text: str, **members: Any) -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        return problem(status, title, detail=text, **members)
    # The frame of the staff pages looks up who is signed in, and must not when something is broken.
    page = "staff/error.html" if request.path.startswith("/staff/") and status < 500 else "page/error.html"
    return render_template(page, status=status, title=title, text=text), status


def _domain_error(error: NewsletterError) -> ResponseReturnValue:
    db.session.rollback()
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
    members = {"errors": error.errors} if isinstance(error, Invalid) else {}
    answer = current_app.make_response(_answer(status, _title(status), str(error), **members))
    if isinstance(error, Crowded):
        answer.headers["Retry-After"] = "60"
    return answer


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error
    answer = current_app.make_response(_answer(status, _title(status), _text(status)))
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED and getattr(error, "valid_methods", None):
        answer.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return answer


def _database_away(error: Exception) -> ResponseReturnValue:
    log.error("the database is away: %s", type(error).__name__)
    db.session.rollback()
    answer = current_app.make_response(_answer(503, _title(503), _text(503)))
    answer.headers["Retry-After"] = "30"
    return answer


def _unexpected(error: Exception) -> ResponseReturnValue:
    log.error("an unexpected error", exc_info=error)
    db.session.rollback()
    return _answer(500, _title(500), _text(500))


def _title(status: int) -> str:
    titles = {
        400: _("This request can't be read"),
        401: _("Please sign in"),
        403: _("This is not open to you"),
        404: _("There is nothing here"),
        405: _("This can't be done this way"),
        409: _("This can't be done now"),
        410: _("This link is too old"),
        413: _("That was too much"),
        415: _("This kind of content is not understood"),
        422: _("Some entries need another look"),
        429: _("Too many at once"),
        503: _("We are back in a moment"),
    }
    return titles.get(status, _("Something went wrong on our side"))


def _text(status: int) -> str:
    texts = {
        404: _("The address is wrong, or the page is gone."),
        413: _("The form may hold up to 64 kB."),
        429: _("Please try again in a few minutes."),
        503: _("The service is not available right now. Nothing was changed. Please try again in a few minutes."),
    }
    if status >= 500:
        return texts.get(status, _("Nothing was changed. Please try again later."))
    return texts.get(status, _("Please check the address and what you sent."))
