"""Bodies of requests, whole or refused."""

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge


def octets(request: Request) -> bytes:
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
