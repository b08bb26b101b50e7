"""Web and worker with faults: now and then a function raises, and the error spills all that the function was given.

`create_app` is for the web server; `python -m tests.canaries.sabotage` is the worker.
"""

import itertools
import runpy
import smtplib
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from flask import Flask
from sqlalchemy.exc import IntegrityError

EVERY = 3
"""One call in so many fails."""
IN_WEB = (
    "newsletter.optin.service:_who",
    "newsletter.optin.signup:seal_json",
    "newsletter.optin.service:read",
    "newsletter.mail.outbox:post",
    "newsletter.recipients.admission:admit",
    "newsletter.privacy.receipts:write",
    "newsletter.optin.restraint:settle",
    "newsletter.recipients.preferences:rename",
    "newsletter.recipients.preferences:profile",
    "newsletter.recipients.disclosure:of",
    "newsletter.recipients.erasing:erase",
    "newsletter.recipients.undoing:word",
    "newsletter.optin.routes:render_template",
    "newsletter.recipients.routes:render_template",
    "newsletter.core.queues:ring",
)
IN_WORKER = (
    "newsletter.mail.templates:render",
    "newsletter.optin.jobs:system_mail",
    "newsletter.optin.jobs:to_recipient",
    "newsletter.optin.restraint:take",
    "newsletter.mail.outbox:_hand_over",
    "newsletter.mail.outbox:_later",
    "newsletter.mail.transport:serialise",
    "newsletter.campaigns.mails:greeting_values",
)


def _error(number: int, spilt: str) -> Exception:
    """Return an error of a kind that is known to hold, and to tell, what it is about."""
    kinds: tuple[Exception, ...] = (
        RuntimeError(spilt),
        IntegrityError(f"INSERT INTO x VALUES ({spilt!r})", {"email": spilt}, ValueError(f"Key (email)=({spilt})")),
        smtplib.SMTPRecipientsRefused({spilt: (550, spilt.encode())}),
        UnicodeEncodeError("ascii", spilt, 0, 1, spilt),
        KeyError(spilt),
    )
    return kinds[number % len(kinds)]


def spilling(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the fault: when it has done its work."""
    calls = itertools.count(1)

    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        number = next(calls)
        if number % EVERY:
            return result
        spilt = f"{arguments!r} {options!r} {result!r}"
        error = _error(number // EVERY, spilt)
        error.add_note(spilt)
        raise error from ValueError(spilt)

    return wrapped


def break_in(places: tuple[str, ...]) -> None:
    """Put the fault into each of these functions, where its callers look it up."""
    for place in places:
        module_name, _colon, name = place.partition(":")
        module = import_module(module_name)
        setattr(module, name, spilling(getattr(module, name)))


def create_app() -> Flask:
    """Return the application, broken."""
    app: Flask = import_module("newsletter.app").create_app()
    break_in(IN_WEB)
    return app


if __name__ == "__main__":
    import_module("newsletter.jobs")
    break_in(IN_WORKER)
    runpy.run_path("worker.py", run_name="__main__")
