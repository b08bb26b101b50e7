"""Looks at the data of single people: each has a reason, and is in the audit trail before anything is shown.

Who was looked at stands there as a number that only this installation can compute from the address, so that looks at
the same person can be told to be that, and nobody can be read from the trail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from newsletter.core import texts
from newsletter.core.digests import digest
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.mail import address
from newsletter.staff import audit

PURPOSE = "audit.person"
UNSTATED = "unstated"
"""The reason of a command that a script calls: nobody is there to be asked."""
MAX_CHARACTERS = 120
_DIGITS = 12


class Reason(StrEnum):
    """Why someone looks."""

    PERSON = "person"
    AUTHORITY = "authority"
    DISPUTE = "dispute"
    FAULT = "fault"
    MOVE = "move"


@dataclass(frozen=True)
class Why:
    """The reason that staff state, and what they add to it."""

    reason: Reason
    remark: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Take `reason` and `remark` out of a form; raise `Invalid` that names each wrong one."""
        errors: dict[str, str] = {}
        reason, remark = str(values.get("reason", "")), str(values.get("remark", "")).strip()
        if reason not in list(Reason):
            errors["reason"] = _("Please say why you look.")
        if len(remark) > MAX_CHARACTERS or not texts.is_line(remark):
            errors["remark"] = _("Please keep to one line of up to %(number)s characters.", number=MAX_CHARACTERS)
        elif "@" in remark:
            errors["remark"] = _("Please name nobody here: a reference, such as a file number, is enough.")
        if errors:
            raise Invalid(errors)
        return cls(Reason(reason), remark)


def alias(email: str) -> str:
    """Return what stands for an address in the trail; `email` as `address.parse` returns it."""
    return digest(PURPOSE, address.canonical(email)).hex()[:_DIGITS]


def note(action: str, subject: str, why: Why | None) -> None:
    """Write down a look, and commit. Call it before anything is shown. `why` is None where nobody could be asked."""
    audit.note(action, subject, reason=why.reason if why else UNSTATED, remark=why.remark if why else "")
