"""What the ten promises are called, and whether they held when they were last checked."""

from dataclasses import dataclass
from datetime import datetime

from newsletter.core.i18n import N_, gettext
from newsletter.privacy import verdicts

NAMES = {
    1: N_("Nothing before the yes"),
    2: N_("Only a person can say yes or no"),
    3: N_("One click and the address is gone"),
    4: N_("Measured, not watched"),
    5: N_("Whoever agreed can be shown to have agreed"),
    6: N_("Every right, by a link"),
    7: N_("Nothing is kept longer than declared"),
    8: N_("A campaign is accounted for"),
    9: N_("Stolen is not readable"),
    10: N_("No one else is told"),
}


@dataclass(frozen=True)
class Verdict:
    """A promise in the reader's language; `held` and `checked_at` are None when it was never checked."""

    number: int
    name: str
    held: bool | None
    checked_at: datetime | None


def last_verdicts() -> list[Verdict]:
    """Return the ten, in order."""
    checks = verdicts.every()
    found = ((number, gettext(name), checks.get(number)) for number, name in NAMES.items())
    return [
        Verdict(number, name, check.held if check else None, check.checked_at if check else None)
        for number, name, check in found
    ]
