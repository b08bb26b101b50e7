"""A message from the contact page, on its way. It waits sealed in the outbox, and in no other place."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.core.texts import is_text
from newsletter.mail import address

MAX_CHARACTERS = 5000


class Matter(StrEnum):
    """Whom a message is for: who answers for data protection, or who writes the newsletters."""

    PRIVACY = "privacy"
    NEWSLETTER = "newsletter"


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a person wrote. `email` is where the answer goes; nothing is sent there by this service."""

    matter: Matter
    email: str
    text: str
    language: str

    @classmethod
    def read(cls, values: Mapping[str, str], language: str) -> Self:
        """Return the message in a form; raise `Invalid` that names each wrong field."""
        errors: dict[str, str] = {}
        email = ""
        try:
            email = address.parse(values.get("email", ""))
        except Invalid as error:
            errors |= error.errors
        if values.get("matter") not in set(Matter):
            errors["matter"] = _("Please choose what it is about.")
        text = values.get("text", "").replace("\r\n", "\n").strip()
        if problem := _problem(text):
            errors["text"] = problem
        if errors:
            raise Invalid(errors)
        return cls(matter=Matter(values["matter"]), email=email, text=text, language=language)

    def payload(self) -> dict[str, str]:
        """Return the JSON value for the outbox."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def of_payload(cls, value: Mapping[str, str]) -> Self:
        """Undo `payload`."""
        return cls(matter=Matter(value["matter"]), email=value["email"], text=value["text"], language=value["language"])


def _problem(text: str) -> str:
    if not text:
        return _("Please write your message.")
    if len(text) > MAX_CHARACTERS:
        return _("A message may have up to %(number)s characters.", number=MAX_CHARACTERS)
    return "" if is_text(text) else _("Please leave out control characters.")
