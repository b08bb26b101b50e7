"""Times as the API spells them (RFC 3339 §5.6): always with an offset, answered in UTC."""

import re
from datetime import UTC, datetime
from typing import Any

from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def read(value: Any, field: str) -> datetime:
    """Return the aware time in UTC; raise `Invalid` for `field`. Digits beyond the microsecond are cut off."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError("not of the form")
        day, time, fraction, offset = match.groups()
        offset = "+00:00" if offset in "Zz" else offset
        # An offset near the ends of the calendar leads out of it.
        return datetime.fromisoformat(f"{day}T{time}.{(fraction or '0'):0<6}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        text = _("Please give a time with its offset, like 2030-01-31T09:00:00+01:00.")
        raise Invalid({field: text}) from None


def show(at: datetime | None) -> str | None:
    """Return the time in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
