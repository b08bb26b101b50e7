"""What a campaign consists of, checked: the same for the form and for the API."""

from collections.abc import Mapping
from typing import Any

from newsletter.campaigns import markdown
from newsletter.core import texts
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _

FIELDS = ("subject", "preheader", "markdown")
LIMITS = {"subject": 200, "preheader": 200, "markdown": 200_000}


def validated(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields as they are stored; raise `Invalid` that names every wrong or unknown one.

    An empty field is fine in a draft; `require_complete` is asked before sending.
    """
    errors = {name: _("There is no such field.") for name in values if name not in FIELDS}
    clean: dict[str, str] = {}
    for name in (name for name in FIELDS if name in values):
        problem = _problem(name, values[name])
        if problem:
            errors[name] = problem
        else:
            clean[name] = values[name].replace("\r\n", "\n").strip()
    if "markdown" in clean:
        try:
            markdown.parse(clean["markdown"])
        except Invalid as error:
            errors |= error.errors
    if errors:
        raise Invalid(errors)
    return clean


def _problem(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return _("This must be text.")
    if name == "markdown":
        if not texts.is_text(value.replace("\r\n", "\n")):
            return _("Please leave out control characters.")
    elif not texts.is_line(value):
        return _("Please leave out line breaks and control characters.")
    if len(value) > LIMITS[name]:
        return _("This may have up to %(number)s characters.", number=LIMITS[name])
    return ""


def require_complete(subject: str, body: str, audience: int) -> None:
    """Raise `Invalid` that names everything that is missing before the campaign can be sent."""
    errors: dict[str, str] = {}
    if not subject.strip():
        errors["subject"] = _("A campaign needs a subject.")
    if not body.strip():
        errors["markdown"] = _("A campaign needs a text.")
    if not audience:
        errors["newsletter"] = _("This newsletter has no recipients yet.")
    if errors:
        raise Invalid(errors)
