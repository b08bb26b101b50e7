"""Figures small enough to point at a person are withheld, and don't come back by subtraction."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.db import db
from newsletter.tracking import measurement
from newsletter.tracking.models import Tally
from newsletter.tracking.report import WITHHELD, Figure, joined, report, shown_links
from tests import factories
from tests.tracking.measured import URLS, count, make_measured, open_and_click, without_group

GROUP = 5
START = datetime(2026, 5, 1, tzinfo=UTC)
COUNTS = st.integers(0, 40).flatmap(lambda people: st.tuples(st.just(people), st.integers(people, people * 3)))


def test_figures_of_five_people_are_shown(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(5))
    open_and_click(client, measured, range(3))
    count()

    shown = report(measured.id)

    assert (shown.opens, shown.clicks) == (Figure(5, 8), Figure(5, 8))
    assert [(link.url, link.unique, link.total) for link in shown.links] == [(URLS[0], 5, 8), (URLS[1], None, None)]
    assert [(hour.opens, hour.clicks) for hour in shown.hours] == [(5, 5)]


def test_figures_of_four_people_are_withheld_however_often_they_came(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    for _time in range(5):
        open_and_click(client, measured, range(4))
    count()

    shown = report(measured.id)

    assert (shown.opens, shown.clicks, shown.hours) == (WITHHELD, WITHHELD, [])
    assert {(link.unique, link.total) for link in shown.links} == {(None, None)}


def test_one_person_on_two_links_is_one_person(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    for number in (1, 2):
        open_and_click(client, measured, range(6), number)
    count()

    shown = report(measured.id)

    assert shown.clicks == Figure(6, 12)
    assert [(link.unique, link.total) for link in shown.links] == [(6, 6)] * 2


def test_the_first_four_people_change_nothing_that_is_shown(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    before = report(measured.id)

    open_and_click(client, measured, range(4))
    count()

    assert report(measured.id) == before


def test_a_small_link_can_not_be_had_by_subtraction(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(8), 1)
    open_and_click(client, measured, range(2), 2)
    count()

    shown = report(measured.id)

    assert shown.clicks == Figure(8, 10)
    assert [(link.unique, link.total) for link in shown.links] == [(None, None)] * 2


def test_a_group_of_one_withholds_nothing(app: Flask, client: FlaskClient) -> None:
    without_group()
    measured = make_measured()
    open_and_click(client, measured, range(1))
    count()

    shown = report(measured.id)

    assert (shown.opens, shown.clicks) == (Figure(1, 1), Figure(1, 1))
    assert [(link.unique, link.total) for link in shown.links] == [(1, 1), (0, 0)]


def test_an_unmeasured_campaign_has_no_figures_even_for_a_group_of_one(app: Flask) -> None:
    without_group()

    shown = report(factories.make_campaign().id)

    assert (shown.opens, shown.clicks, shown.links, shown.hours) == (WITHHELD, WITHHELD, [], [])


def test_a_report_is_the_same_before_and_after_the_key_is_destroyed(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(9), 1)
    open_and_click(client, measured, range(4, 12), 2)
    count()
    before = report(measured.id)

    measurement.forget_key(measured.id)
    db.session.commit()

    assert report(measured.id) == before
    assert before.clicks == Figure(12, 17)


def test_small_hours_are_joined_to_the_next(app: Flask) -> None:
    measured = make_measured()
    for hour, opens, clicks in ((0, 20, 2), (1, 3, 2), (2, 4, 3), (9, 1, 0)):
        for link, people in ((0, opens), (-1, clicks)):
            at = START + timedelta(hours=hour)
            db.session.add(Tally(campaign_id=measured.id, link=link, hour=at, unique=people, total=people))
    db.session.commit()

    hours = [replace(hour, hour=hour.hour.astimezone(UTC)) for hour in report(measured.id).hours]

    assert [(hour.hour.hour, hour.opens, hour.clicks) for hour in hours] == [(0, 20, 7), (1, 8, None)]


@given(st.lists(st.integers(1, 12), max_size=30))
def test_hours_hold_a_group_each_and_add_up(people: list[int]) -> None:
    hours = {START + timedelta(hours=number): number_of for number, number_of in enumerate(people)}

    shown = joined(hours, GROUP)

    assert all(number >= GROUP for number in shown.values())
    assert sum(shown.values()) == (sum(people) if sum(people) >= GROUP else 0)
    assert shown.keys() <= hours.keys()


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_what_is_left_after_subtracting_links_has_a_group_behind_it(counts: list[tuple[int, int]]) -> None:
    per_link = dict(enumerate(counts, 1))

    shown = shown_links(per_link, GROUP)

    hidden = [per_link[number] for number, figure in shown.items() if figure == WITHHELD]
    assert all(figure == WITHHELD or figure == Figure(*per_link[number]) for number, figure in shown.items())
    assert all(figure == WITHHELD or (figure.unique or 0) >= GROUP for figure in shown.values())
    if len(hidden) < len(counts) and any(people for people, _times in hidden):
        assert max(people for people, _times in hidden) >= GROUP
        assert sum(people > 0 for people, _times in hidden) >= 2


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_no_two_shown_totals_differ_from_the_sum_by_one_small_link(counts: list[tuple[int, int]]) -> None:
    per_link = dict(enumerate(counts, 1))
    total = sum(times for _people, times in counts)

    shown = [figure.total for figure in shown_links(per_link, GROUP).values() if figure.total is not None]

    # With no link shown there is only the total, and that has a group behind it or is withheld itself.
    sizes = range(1, len(shown) + 1)
    rests = {total - sum(some) for size in sizes for some in combinations(shown, size)}
    assert not rests & set(range(1, GROUP))
