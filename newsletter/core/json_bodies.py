"""JSON bodies of requests (RFC 8259, read strictly): an object, or an error that says what is wrong with it."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Never

from flask import Request

from newsletter.core.bodies import octets
from newsletter.core.errors import Invalid, Unreadable, WrongKind, check_all
from newsletter.core.i18n import gettext as _

Check = Callable[[Mapping[str, Any]], object]
MAX_NAME = 100
"""How much of an unknown member's name is said back, in characters."""


def read(
    request: Request, members: Collection[str], *, empty: bool = False, check: Check | None = None
) -> dict[str, Any]:
    """Return the object in the body. With `empty`, no body at all counts as `{}`.

    Raises `WrongKind` when it is not declared as JSON, `Unreadable` when it is not a JSON object, and
    `Invalid` that names every member which is not in `members` or holds U+0000, and whatever `check` finds wrong
    with the others: all of them at once.
    """
    body = octets(request)
    if empty and not body:
        return {}
    if not request.is_json:
        raise WrongKind(_("Please send JSON with the content type application/json."))
    value = _parsed(body)
    if not isinstance(value, dict):
        raise Unreadable(_("Please send a JSON object."))
    known = {name: value[name] for name in members if name in value}
    check_all(lambda: check(known) if check else None, lambda: _check_members(value, members))
    return value


def _check_members(value: dict[str, Any], members: Collection[str]) -> None:
    errors = {name[:MAX_NAME]: _("There is no such field.") for name in value if name not in members}
    # PostgreSQL's text can't hold it, and nobody who writes a text means it.
    errors |= {name: _("Please leave out control characters.") for name in members if _holds_nul(value.get(name))}
    if errors:
        raise Invalid(errors)


def _parsed(body: bytes) -> Any:
    try:
        value = json.loads(body.decode(), object_pairs_hook=_once_each, parse_constant=_no_constant)
        # Half a surrogate pair can be written in JSON, but not in UTF-8: it could be neither stored nor shown.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Unreadable(_("This is not JSON in UTF-8 with each member once.")) from None
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_constant(word: str) -> Never:
    raise ValueError(f"{word} is not JSON")


def _holds_nul(value: Any) -> bool:
    # A stack of our own: the nesting that the parser still takes would be too deep for a function that calls itself.
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and "\0" in part:
            return True
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
    return False
