"""The hottest path: the pixel and the redirect, answered in front of Flask, from memory.

What it does not know it hands on: clicks of campaigns that this process meets for the first time, other
methods and whatever is bent go to `routes.py`. Targets come from what staff saved, never from the request.
"""

import base64
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask

from newsletter.core import queues
from newsletter.tracking import buffer, routes
from newsletter.tracking.notes import Notes
from newsletter.tracking.tracker import EXTENSION, Tracker

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""One transparent pixel, 43 octets (GIF89a)."""
HEADERS = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex"),
]


class TrackingMiddleware:
    """Answers GET and HEAD of /o/<id>.gif, and of /c/<id>/<n> for campaigns it remembers."""

    def __init__(self, app: "WSGIApplication", tracker: Tracker, headers: list[tuple[str, str]]) -> None:
        self._app = app
        self._tracker = tracker
        self._pixel = [("Content-Type", "image/gif"), ("Content-Length", str(len(GIF))), *headers]
        self._redirect = [("Content-Length", "0"), *headers]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, or pass on."""
        path = environ.get("PATH_INFO", "")
        if path[:3] not in {"/o/", "/c/"} or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return self._app(environ, start_response)
        measurement_id, slash, number = path[3:].partition("/")
        if path[1] == "c" and slash:
            target = self._tracker.remembered(environ, measurement_id, number)
            if target is not None:
                start_response("302 Found", [("Location", target), *self._redirect])
                return []  # the server sends a list in one go, and other iterables piece by piece
        elif path[1] == "o" and not slash and measurement_id.endswith(".gif"):
            self._tracker.opened(environ, measurement_id[:-4])
            start_response("200 OK", self._pixel.copy())
            return [GIF] if environ["REQUEST_METHOD"] == "GET" else []
        return self._app(environ, start_response)


def init_app(app: Flask) -> None:
    """Put the middleware in front of everything, and the routes behind it."""
    tracker = Tracker(Notes(partial(buffer.push, app.extensions[queues.EXTENSION])))
    app.extensions[EXTENSION] = tracker
    app.register_blueprint(routes.bp)
    https = app.config["PUBLIC_URL"].startswith("https://")
    headers = [*HEADERS, ("Strict-Transport-Security", "max-age=31536000")] if https else HEADERS
    app.wsgi_app = TrackingMiddleware(app.wsgi_app, tracker, headers)  # type: ignore[method-assign]
