"""The answers that calls have in common."""

from http import HTTPStatus
from typing import Any

from newsletter.openapi.schemas import ref

PROBLEMS = {
    400: ("Unreadable", "The body is not a JSON object in UTF-8."),
    401: ("Unauthorized", "No bearer token, or not a good one."),
    404: ("NotFound", "There is nothing here."),
    409: ("Conflict", "This can't be done in the present state."),
    413: ("TooLarge", "The body is too large."),
    415: ("WrongKind", "The body is not declared as application/json."),
    422: ("Invalid", "Some fields are wrong; `errors` names each of them."),
    429: ("TooMany", "Too many sign-ups at once, from this network or from everywhere."),
    503: ("Away", "The database is away; nothing was changed."),
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "RFC 6750 §3", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}},
}
_EXAMPLE_ERRORS = {"email": "An e-mail address looks like name@example.org."}


def components() -> dict[str, Any]:
    """Return the reusable answers: one for each kind of problem."""
    return {name: _problem(status, description) for status, (name, description) in PROBLEMS.items()}


def _problem(status: int, description: str) -> dict[str, Any]:
    example: dict[str, Any] = {"type": "about:blank", "status": status, "title": HTTPStatus(status).phrase}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        example["errors"] = _EXAMPLE_ERRORS
    content = {"application/problem+json": {"schema": ref("Problem"), "example": example}}
    headers = {"headers": _HEADERS[status]} if status in _HEADERS else {}
    return {"description": description, "content": content} | headers


def problems(*statuses: int) -> dict[str, Any]:
    """Return references to the answers with these statuses, and to the ones that every call can get."""
    return {
        str(status): {"$ref": f"#/components/responses/{PROBLEMS[status][0]}"} for status in sorted({*statuses, 503})
    }


def found(schema: dict[str, Any], description: str, example: Any) -> dict[str, Any]:
    """Return a good answer with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


def made(schema: dict[str, Any], description: str, example: Any) -> dict[str, Any]:
    """Return the answer to a POST that made something: with its address in `Location`."""
    location = {"description": "Where it is.", "schema": {"type": "string", "format": "uri"}}
    return found(schema, description, example) | {"headers": {"Location": location}}


def paged(schema: dict[str, Any], description: str, example: Any) -> dict[str, Any]:
    """Return a good answer with a list of which there may be more: `Link` says where (RFC 8288)."""
    link = {"description": '`<address>; rel="next"` when there are more.', "schema": {"type": "string"}}
    return found(schema, description, example) | {"headers": {"Link": link}}
