"""When a newsletter is sent: its time zone, its delivery window, and local times that do not exist or come twice."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from newsletter.core.errors import Invalid
from newsletter.recipients import hours, newsletters
from tests.factories import make_newsletter

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("begin", "end", "now", "opens"),
    [
        ("", "", "2026-11-03T03:00", None),
        ("08:00", "20:00", "2026-11-03T08:00", None),
        ("08:00", "20:00", "2026-11-03T19:59", None),
        ("08:00", "20:00", "2026-11-03T20:00", "2026-11-04T08:00"),
        ("08:00", "20:00", "2026-11-03T07:59", "2026-11-03T08:00"),
        ("22:00", "06:00", "2026-11-03T23:00", None),
        ("22:00", "06:00", "2026-11-03T05:59", None),
        ("22:00", "06:00", "2026-11-03T06:00", "2026-11-03T22:00"),
        ("08:00", "00:00", "2026-11-03T23:59", None),
        ("08:00", "20:00", "2026-10-24T21:00", "2026-10-25T08:00"),  # the night in which the clock is put back
    ],
)
def test_a_closed_window_says_when_it_opens(app: Flask, begin: str, end: str, now: str, opens: str | None) -> None:
    newsletter = make_newsletter(send_from=begin, send_until=end)

    found = hours.opens_at(newsletter, at(now).astimezone(UTC))

    assert found == (at(opens) if opens else None)


@pytest.mark.parametrize(
    "values",
    [
        {"send_from": "08:00"},
        {"send_until": "08:00"},
        {"send_from": "08:00", "send_until": "08:00"},
        {"send_from": "8:00", "send_until": "20:00"},
        {"send_from": "08:00", "send_until": "24:00"},
        {"time_zone": "Europe/Musterstadt"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": "CEST"},
        {"mails_per_second": 0},
        {"mails_per_second": True},
        {"mails_per_second": 1.5},
        {"mails_per_second": "viele"},
        {"mails_per_second": "9" * 5000},
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(app: Flask, values: dict[str, object]) -> None:
    newsletter = make_newsletter()

    with pytest.raises(Invalid) as refused:
        newsletters.change(newsletter, values)

    assert len(refused.value.errors) == 1
    assert set(refused.value.errors) <= set(values) | {"send_from", "send_until"}
    assert newsletter.time_zone == "Europe/Berlin"


def test_one_end_of_a_window_can_be_moved_alone(app: Flask) -> None:
    newsletter = make_newsletter(send_from="08:00", send_until="20:00")

    newsletters.change(newsletter, {"send_until": "18:00"})

    assert (newsletter.send_from, newsletter.send_until) == ("08:00", "18:00")


def test_a_zone_that_the_database_does_not_know_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hours, "time_zones", lambda: ("Europe/Berlin", "Europe/Musterstadt"))
    newsletter = make_newsletter()

    with pytest.raises(Invalid) as refused:
        newsletters.change(newsletter, {"time_zone": "Europe/Musterstadt"})

    assert set(refused.value.errors) == {"time_zone"}


def test_a_local_time_is_the_moment_at_which_clocks_there_show_it(app: Flask) -> None:
    assert hours.moment("2026-07-01T09:00", "Europe/Berlin") == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert hours.moment("2026-12-01T09:00", "America/New_York") == datetime(2026, 12, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-03-29T02:30", "does not exist"),
        ("2026-10-25T02:30", "comes twice"),
        ("tomorrow", "day and time"),
        ("2026-03-29T03:30+01:00", "day and time"),
        ("0001-01-01T00:00", "day and time"),
        ("9999-12-31T23:59", "day and time"),
    ],
)
def test_a_local_time_that_is_none_or_two_is_said_to_be(app: Flask, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        hours.moment(text, "Europe/Berlin")
