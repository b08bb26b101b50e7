"""Bodies of requests, whole or refused."""

from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.core.errors import Unreadable
from newsletter.core.i18n import gettext as _


def within_limit(request: Request) -> bytes:
    """Return the body; raise `RequestEntityTooLarge` for one that is longer than `request.max_content_length`.

    Werkzeug sees that when the length is declared. A chunked body it cuts off at the limit without a word, and
    what is left might still make sense.
    """
    body = request.get_data(cache=True)
    limit = request.max_content_length
    undeclared = request.content_length is None and limit is not None and len(body) >= limit
    if undeclared and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return body


def octets(request: Request) -> bytes:
    """Return the body as `within_limit` does; raise `Unreadable` when the connection ended before it did.

    What came of it might still make sense: half an address is another person's (RFC 9112 §8).
    """
    body = within_limit(request)
    if len(body) < (request.content_length or 0):
        raise Unreadable(_("This request was cut off. Please send it again."))
    return body


def form(request: Request) -> None:
    """Read a body as `octets` does; raise `Unreadable` for a form that is not UTF-8. Of other kinds it asks nothing.

    Werkzeug takes such a form, and what it puts in the place of the octets would stand in somebody's name.
    """
    body = octets(request)
    if request.mimetype == "application/x-www-form-urlencoded":
        body = unquote_to_bytes(body)
    elif request.mimetype != "multipart/form-data":
        return
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Unreadable(_("This form is not in UTF-8.")) from None
