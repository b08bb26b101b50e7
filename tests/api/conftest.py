"""A client of the API that holds every answer against the OpenAPI document."""

import json
import re
from functools import cache
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from newsletter.openapi.document import document
from newsletter.staff import tokens

PREFIX = "/api/v1"
DOCUMENT = document("https://news.example.org")
TEMPLATES = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in DOCUMENT["paths"]]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """Return what the document says of a call, or None when it knows no such path or method."""
    found = [template for pattern, template in TEMPLATES if pattern.fullmatch(path.partition("?")[0])]
    # A concrete path goes before one with a parameter: /newsletters/{slug} does not match two segments anyway.
    return DOCUMENT["paths"][found[0]].get(method.lower()) if found else None


@cache
def _validator(schema: str) -> Draft202012Validator:
    whole = json.loads(schema) | {"components": DOCUMENT["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def hold_against_document(method: str, path: str, answer: TestResponse) -> None:
    """Fail unless the document knows this answer to this call, and its body is as the document says."""
    known = operation(method, path)
    if known is None:
        assert answer.status_code in (404, 405), "a call that is not in the document was taken"
        return
    response = known["responses"].get(str(answer.status_code))
    assert response is not None, f"{method} {path} answered {answer.status_code}, which is not in the document"
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response.get("content")
    if content is None:
        assert answer.data == b""
        return
    assert answer.mimetype in content
    _validator(json.dumps(content[answer.mimetype]["schema"])).validate(answer.get_json(force=True))


class Api:
    """Calls the API with a token, unless told otherwise."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.token = token

    def call(self, method: str, path: str, *, token: str | None = "", **options: Any) -> TestResponse:
        """Call `path` below /api/v1; `token=None` sends none."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {token or self.token}")
        answer = self.client.open(f"{PREFIX}{path}", method=method, headers=headers, **options)
        assert answer.status_code < 500
        assert "Set-Cookie" not in answer.headers
        hold_against_document(method, path, answer)
        return answer

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        """POST `body` as JSON, or nothing at all."""
        return self.call("POST", path, **({"json": body} if body is not None else {}), **options)

    def patch(self, path: str, body: Any, **options: Any) -> TestResponse:
        """PATCH `body` as JSON."""
        return self.call("PATCH", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        """DELETE."""
        return self.call("DELETE", path, **options)


@pytest.fixture
def api(app: Flask) -> Api:
    """The API, with a good token."""
    return Api(app, tokens.create("tests"))
