"""When and how fast a newsletter is sent: its time zone, its delivery window, its limit per second."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.recipients.models import Newsletter

TIME_ZONE = "Europe/Berlin"
CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
MOST_PER_SECOND = 1_000_000
_CLOCK = re.compile(CLOCK)


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names of the IANA time zones: places, and UTC."""
    return tuple(sorted(name for name in available_timezones() if name == "UTC" or "/" in name))


def zone_problem(value: str) -> str:
    """Return what is wrong with the name of a time zone, or nothing."""
    return "" if value in time_zones() else _("Please give a time zone like Europe/Berlin.")


def clock_problem(value: str) -> str:
    """Return what is wrong with a time of day, or nothing; empty is fine."""
    return "" if not value or _CLOCK.fullmatch(value) else _("Please give a time like 08:00, or nothing.")


def per_second(value: Any, field: str) -> int | None:
    """Return a limit per second, given as a number or its digits; None when there is none. Raises `Invalid`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        value = int(value) if len(value) < 16 else 0
    if type(value) is not int or not 1 <= value <= MOST_PER_SECOND:
        raise Invalid({field: _("Please give a whole number from 1 on, or nothing for no limit.")})
    return value


def check_window(values: Mapping[str, Any]) -> None:
    """Raise `Invalid` when a delivery window has only one end, or no length."""
    begin, end = values["send_from"], values["send_until"]
    if bool(begin) != bool(end):
        field = "send_until" if begin else "send_from"
        raise Invalid({field: _("A delivery window has a beginning and an end; leave both empty to send at any time.")})
    if begin and begin == end:
        raise Invalid({"send_until": _("The delivery window ends when it begins; leave both empty to send any time.")})


def opens_at(newsletter: Newsletter, moment: datetime) -> datetime | None:
    """Return when the delivery window that is closed at `moment` opens next; None when it is open."""
    if not newsletter.send_from:
        return None
    local = moment.astimezone(ZoneInfo(newsletter.time_zone))
    begin, end, now = newsletter.send_from, newsletter.send_until, f"{local:%H:%M}"
    if begin <= now < end or (end < begin and (now >= begin or now < end)):
        return None
    day = local.date() + timedelta(days=now >= begin)
    return datetime.combine(day, time.fromisoformat(begin), local.tzinfo)


def ahead(text: str, zone: str) -> datetime | None:
    """Return the moment that a form asks for in its field `at`, or None for now; raise `Invalid`."""
    try:
        return moment(text, zone) if text.strip() else None
    except ValueError as error:
        raise Invalid({"at": str(error)}) from None


def spell(moment: datetime, zone: str) -> str:
    """Return what clocks in `zone` show, as a form's field for day and time has it."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def moment(text: str, zone: str) -> datetime:
    """Return the moment at which clocks in `zone` show `text`, like 2030-03-31T09:00; raise `ValueError`.

    Its text says what is wrong: it is not a time, or, in the nights when the clock changes, none or one of two.
    """
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None or not 2000 < local.year < 9999:
        raise ValueError(_("Please give day and time, or leave the field empty for now."))
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    # The offset before the change is the smaller one when the clock is put forward (PEP 495).
    if (first.utcoffset() or timedelta()) < (second.utcoffset() or timedelta()):
        raise ValueError(_("This time does not exist in %(zone)s: the clock is put forward then.", zone=zone))
    raise ValueError(
        _("This time comes twice in %(zone)s, because the clock is put back then. Please choose another.", zone=zone)
    )
