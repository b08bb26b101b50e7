"""What a person may tell of themselves besides the address, and how a mail greets them by it."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from newsletter.core import texts
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.core.sealing import Opener, seal_json, unseal_json

PURPOSE = "recipient.name"
SALUTATIONS = ("", "ms", "mr")
MAX_CHARACTERS = 100
FIELDS = ("salutation", "title", "first_name", "last_name")
_decode = json.JSONDecoder().raw_decode
"""Reads what `seal_json` wrote, without a look for what others might have: a byte order mark, blanks, an encoding."""


class Person(NamedTuple):
    """Salutation (`ms`, `mr` or empty), title and names; every part may be empty."""

    salutation: str = ""
    title: str = ""
    first_name: str = ""
    last_name: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Take the four fields out of a form or a JSON body; raise `Invalid` that names each wrong one."""
        errors: dict[str, str] = {}
        parts = {name: _part(name, values.get(name), errors) for name in FIELDS}
        if parts["salutation"] not in SALUTATIONS:
            errors["salutation"] = _('Please choose "Ms", "Mr" or nothing.')
        if errors:
            raise Invalid(errors)
        return cls(**parts)

    @classmethod
    def unsealed(cls, sealed: bytes | None) -> Self:
        """Open the sealed column; an empty one is a person of whom nothing is known."""
        return cls.known(unseal_json(PURPOSE, sealed)) if sealed else cls()

    @classmethod
    def known(cls, values: Mapping[str, str]) -> Self:
        """Take what was sealed, maybe by another version, with fields more or fewer."""
        get = values.get
        return cls(get("salutation", ""), get("title", ""), get("first_name", ""), get("last_name", ""))

    def sealed(self) -> bytes | None:
        """Return the value of the sealed column."""
        return seal_json(PURPOSE, self._asdict()) if any(self) else None

    def greeting(self, language: str) -> str:
        """Return the first words of a mail, by what is known and without an empty slot.

        >>> Person("ms", "Dr.", "", "Müller").greeting("de")
        'Sehr geehrte Frau Dr. Müller'
        >>> Person(first_name="Kim", last_name="Beispiel").greeting("de")
        'Guten Tag Kim Beispiel'
        >>> Person().greeting("de")
        'Guten Tag'
        """
        if self.salutation and self.last_name:
            return _formal(self, language)
        words = [self.title, self.first_name, self.last_name] if self.last_name else [self.first_name]
        if not self.first_name and not self.title:
            words = []  # "Guten Tag Müller" is how one calls a servant
        return " ".join(["Guten Tag" if language == "de" else "Hello", *filter(None, words)])


class PersonOpener:
    """Opens many sealed columns: the keys are looked up once."""

    def __init__(self) -> None:
        self._opener = Opener(PURPOSE)

    def open(self, sealed: bytes) -> Person:
        """Return what `Person.unsealed` returns; raise `Unsealable`."""
        return Person.known(_decode(self._opener.open(sealed).decode())[0])


def _formal(person: Person, language: str) -> str:
    if language == "de":
        start = "Sehr geehrte Frau" if person.salutation == "ms" else "Sehr geehrter Herr"
        return " ".join(filter(None, [start, person.title, person.last_name]))
    # In English a title stands in the place of Ms or Mr.
    form = person.title or ("Ms" if person.salutation == "ms" else "Mr")
    return f"Dear {form} {person.last_name}"


def _part(name: str, value: Any, errors: dict[str, str]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        errors[name] = _("This must be text.")
        return ""
    text = unicodedata.normalize("NFC", value).strip()
    if not texts.is_line(text):
        errors[name] = _("Please leave out line breaks and control characters.")
    elif len(text) > MAX_CHARACTERS:
        errors[name] = _("This may have up to 100 characters.")
    return text
