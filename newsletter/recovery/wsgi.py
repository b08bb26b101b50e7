"""A gate in front of the pages: nothing is answered from a database that went back in time, until that is mended."""

from collections.abc import Iterable
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from flask import Flask
from redis import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from newsletter.core.db import db
from newsletter.journal import marks
from newsletter.recovery import looking

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

EXTENSION = "newsletter-gate"
ABOUT_THE_PROCESS = ("/healthz", "/readyz", "/metrics", "/static/")
AGAIN_SECONDS = 5.0


class Gate:
    """Looks before the first request or at it, and until the database is known to be the present one."""

    def __init__(self, app: Flask) -> None:
        self._app, self._inner = app, app.wsgi_app
        self._open, self._not_before = False, 0.0
        self._lock = Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pass the request on, or answer 503."""
        if not self._open and not environ.get("PATH_INFO", "").startswith(ABOUT_THE_PROCESS) and not self._may_pass():
            start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "30")])
            return (b"The service is not available right now. Please try again in a few minutes.\n",)
        return self._inner(environ, start_response)

    def look_ahead(self) -> None:
        """Look before the first request, which then need not wait. Mends nothing: a start may not take so long."""
        with self._app.app_context():
            try:
                self._open = marks.went_back() is None
            except (RedisError, SQLAlchemyError, marks.Unfinished):
                pass  # the first request looks again
            finally:
                db.session.rollback()

    def _may_pass(self) -> bool:
        with self._lock, self._app.app_context():  # whoever comes meanwhile waits
            if self._open or monotonic() < self._not_before:
                return True
            try:
                looking.look()
                self._open = True
            except RedisError:
                # Without Redis nobody knows, and people have to be able to leave. The worker mails nothing meanwhile.
                self._not_before = monotonic() + AGAIN_SECONDS
            except (OperationalError, InterfaceError):
                pass  # away: whatever needs the database says so itself
            except (SQLAlchemyError, marks.Unfinished):
                return False
            finally:
                db.session.rollback()
            return True


def init_app(app: Flask) -> None:
    """Put the gate in front of everything but the pixel and the redirect, which know nobody."""
    app.extensions[EXTENSION] = gate = Gate(app)
    app.wsgi_app = gate  # type: ignore[method-assign]


def look_ahead(app: Flask) -> None:
    """Do as `Gate.look_ahead`."""
    gate: Gate = app.extensions[EXTENSION]
    gate.look_ahead()
