"""The one-click unsubscribe (RFC 8058) as mail programs send it, answered in front of Flask.

Nothing of the request counts but the token, so that nothing else has to be made of it: half of what a departure cost
the web process. Other methods, bodies and kinds of body go to `routes.py`, which answers the same. So does what fails
here: it is tried once more there, which does no harm, and Flask says what was wrong.
"""

import io
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

from newsletter import web
from newsletter.recipients import service
from newsletter.recipients.routes import LEFT

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

PATH, TOKEN_LETTERS = "/u/", 48
BODY = b"List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


class OneClick:
    """Answers POST of /u/<token> whose body is the one of RFC 8058 §3.2 and nothing else."""

    def __init__(self, app: Flask) -> None:
        self._app, self._inner = app, app.wsgi_app
        about = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(LEFT))}
        self._headers = [*about.items(), *web.standing_headers(app).items()]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Erase and answer, or pass on."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PATH) or len(path) != len(PATH) + TOKEN_LETTERS or not _is_one_click(environ):
            return self._inner(environ, start_response)
        try:
            with self._app.app_context():
                service.leave(path[len(PATH) :])
        except Exception as error:
            log.warning("a one-click unsubscribe is tried again", exc_info=error)
            return self._inner(environ, start_response)
        start_response("200 OK", self._headers.copy())
        return [LEFT]


def _is_one_click(environ: "WSGIEnvironment") -> bool:
    """Return whether this is such a POST. Its body, which had to be read for that, can be read again."""
    if environ["REQUEST_METHOD"] != "POST" or environ.get("CONTENT_LENGTH") != str(len(BODY)):
        return False
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != FORM:
        return False
    body = environ["wsgi.input"].read(len(BODY))
    environ["wsgi.input"] = io.BytesIO(body)
    return bool(body == BODY)


def init_app(app: Flask) -> None:
    """Put it in front of all that is there so far."""
    app.wsgi_app = OneClick(app)  # type: ignore[method-assign]
