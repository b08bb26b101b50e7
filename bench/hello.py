"""The fastest application there is: what a server can do at most."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def hello(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Say hello."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return (b"hello\n",)


def create_app() -> "WSGIApplication":
    """Return it, as the Procfile's command asks for an application."""
    return hello
