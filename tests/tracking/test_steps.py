"""No two figures that are shown differ by one to four people, wherever they stand and whenever they are read."""

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.tracking import counting, steps
from newsletter.tracking.models import Event
from newsletter.tracking.report import Figure, Report, report
from tests.tracking.measured import Measured, make_measured

GROUP = 5
START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = int(datetime.now(UTC).timestamp()) // 3600
SMALL = set(range(1, GROUP)) | set(range(-GROUP + 1, 0))
PEOPLE = st.integers(0, 60)


@given(PEOPLE, PEOPLE, st.integers(0, 60))
def test_two_figures_differ_by_whole_groups_and_leave_one_of_the_delivered(
    one: int, other: int, delivered: int
) -> None:
    some, more = (steps.shown(people, delivered, GROUP) for people in (one, other))

    assert not SMALL & {(some or 0) - (more or 0), delivered - (some or delivered)}
    assert some is None or GROUP <= some <= min(one, delivered - GROUP)
    assert more is None or more % GROUP == 0


@given(st.lists(st.integers(1, 12), max_size=30), PEOPLE)
def test_hours_hold_whole_groups_and_add_up_to_what_is_shown(people: list[int], delivered: int) -> None:
    hours = {START + timedelta(hours=number): number_of for number, number_of in enumerate(people)}
    most = steps.shown(sum(people), delivered, GROUP) or 0

    shown = steps.hours(hours, most, GROUP)

    assert all(number % GROUP == 0 and number > 0 for number in shown.values())
    assert sum(shown.values()) == most


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(1, 12))
def test_who_comes_later_changes_no_earlier_hour(people: list[int], later: int) -> None:
    hours = {START + timedelta(hours=number): number_of for number, number_of in enumerate(people)}
    after = hours | {START + timedelta(hours=99): later}

    before, now = (steps.hours(each, 1000, GROUP) for each in (hours, after))

    assert before.items() <= now.items()


def note(measured: Measured, person: int, link: int) -> bytes:
    campaign, recipient = measured.ids.spell(person).split("-")
    return f"{campaign} {link} {HOUR * counting.HOUR_MS} {recipient}".encode()


def everything(shown: Report) -> list[Figure]:
    return [shown.opens, shown.clicks, *(Figure(link.unique, link.total) for link in shown.links)]


def people_of(measured: Measured, link: int) -> int:
    return db.session.execute(
        select(func.count()).select_from(Event).where(Event.campaign_id == measured.id, Event.link == link)
    ).scalar_one()


@pytest.mark.parametrize("seed", range(3))
def test_whoever_reads_the_report_after_every_single_act_learns_nothing_of_one_person(app: Flask, seed: int) -> None:
    chance, delivered = random.Random(seed), 24
    measured = make_measured([f"https://www.example.org/{number}" for number in range(1, 4)])
    before = everything(report(measured.id, delivered))
    people = [0] * len(before)

    for _act in range(150):
        # A few click again and again, the others now and then.
        person = chance.choice((chance.randrange(3), chance.randrange(delivered)))
        counting.count([note(measured, person, chance.choice((0, 1, 1, 1, 2, 3)))])
        now = everything(report(measured.id, delivered))
        numbers = [people_of(measured, link) for link in (0, -1, 1, 2, 3)]

        unique, times = ([getattr(figure, name) or 0 for figure in now] for name in ("unique", "total"))
        for one, other in combinations(unique, 2):
            assert abs(one - other) not in SMALL
        assert not SMALL & {delivered - number for number in unique}
        assert not SMALL & {number - number_of for number, number_of in zip(times, unique, strict=True)}
        for place, figure in enumerate(now):
            if figure != before[place]:
                assert numbers[place] - people[place] >= GROUP
                people[place] = numbers[place]
        before = now

    assert max(unique) >= 10
