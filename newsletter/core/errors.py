"""The errors a domain may raise. `web.py` maps them to HTTP once; nobody else does."""

from collections.abc import Callable, Mapping


class NewsletterError(Exception):
    """Base of every error whose text may be shown to a person. Holds no address, name or token."""


class NotFound(NewsletterError):
    """There is no such thing. HTTP 404."""


class BadToken(NotFound):
    """A link's token is unknown, bent, or made for another purpose. Says no more than that. HTTP 404."""


class Expired(NewsletterError):
    """A link was good once and is too old now. HTTP 410."""


class Conflict(NewsletterError):
    """The thing is in a state in which this can't be done. HTTP 409."""


class Crowded(NewsletterError):
    """Too many at once; the same may be sent again in a minute. HTTP 429."""


class Unreadable(NewsletterError):
    """What was sent is not in the form it claims to be. HTTP 400."""


class WrongKind(NewsletterError):
    """What was sent is of a kind that is not understood here. HTTP 415."""


class Invalid(NewsletterError):
    """Some fields are wrong; `errors` says for each field what to do about it. HTTP 422.

    >>> Invalid({"subject": "A campaign needs a subject."}).errors["subject"]
    'A campaign needs a subject.'
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in errors.items()))
        self.errors = {field: str(text) for field, text in errors.items()}


def check_all(*checks: Callable[[], object]) -> None:
    """Run every check; raise one `Invalid` with all the fields that any of them names."""
    errors: dict[str, str] = {}
    for check in checks:
        try:
            check()
        except Invalid as error:
            errors |= error.errors
    if errors:
        raise Invalid(errors)
