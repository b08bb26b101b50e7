"""Programs get exact figures; those of few people are withheld, and links don't come back by subtraction."""

from itertools import combinations

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from newsletter.tracking.exact import Counted, report, shown_links
from newsletter.tracking.report import WITHHELD, Figure
from tests import factories
from tests.tracking.measured import URLS, count, make_measured, open_and_click, without_group

GROUP = 5
COUNTS = st.integers(0, 40).flatmap(lambda people: st.builds(Counted, st.just(people), st.integers(people, people * 3)))


def test_figures_of_five_people_and_more_are_exact(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(6))
    open_and_click(client, measured, range(3))
    count()

    told = report(measured.id)

    assert (told.opens, told.clicks) == (Figure(6, 9), Figure(6, 9))
    assert [(link.url, link.unique, link.total) for link in told.links] == [(URLS[0], 6, 9), (URLS[1], None, None)]


def test_figures_of_four_people_are_withheld_as_those_of_nobody(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    before = report(measured.id)
    open_and_click(client, measured, range(4))
    count()

    assert report(measured.id) == before
    assert (before.opens, before.clicks) == (WITHHELD, WITHHELD)


def test_one_person_on_two_links_is_one_person(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    for number in (1, 2):
        open_and_click(client, measured, range(6), number)
    count()

    told = report(measured.id)

    assert told.clicks == Figure(6, 12)
    assert [(link.unique, link.total) for link in told.links] == [(6, 6)] * 2


def test_a_small_link_can_not_be_had_by_subtraction(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(8), 1)
    open_and_click(client, measured, range(2), 2)
    count()

    told = report(measured.id)

    assert told.clicks == Figure(8, 10)
    assert [(link.unique, link.total) for link in told.links] == [(None, None)] * 2


def test_a_group_of_one_withholds_nothing(app: Flask, client: FlaskClient) -> None:
    without_group()
    measured = make_measured()
    open_and_click(client, measured, range(1))
    count()

    told = report(measured.id)

    assert (told.opens, told.clicks) == (Figure(1, 1), Figure(1, 1))
    assert [(link.unique, link.total) for link in told.links] == [(1, 1), (0, 0)]


def test_a_campaign_that_was_never_measured_has_no_figures(app: Flask) -> None:
    assert report(factories.make_campaign().id) == (WITHHELD, WITHHELD, [])


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_what_is_left_after_subtracting_links_has_a_group_behind_it(counts: list[Counted]) -> None:
    per_link = dict(enumerate(counts, 1))

    shown = shown_links(per_link, GROUP)

    hidden = [per_link[number] for number, figure in shown.items() if figure == WITHHELD]
    assert all(figure in (WITHHELD, Figure(*per_link[number])) for number, figure in shown.items())
    assert all(figure == WITHHELD or (figure.unique or 0) >= GROUP for figure in shown.values())
    if len(hidden) < len(counts) and any(counted.unique for counted in hidden):
        assert max(counted.unique for counted in hidden) >= GROUP
        assert sum(counted.unique > 0 for counted in hidden) >= 2


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_no_totals_that_are_shown_leave_less_than_a_group_of_the_sum(counts: list[Counted]) -> None:
    shown = [figure.total for figure in shown_links(dict(enumerate(counts, 1)), GROUP).values() if figure.total]
    total = sum(counted.total for counted in counts)

    sizes = range(1, len(shown) + 1)
    rests = {total - sum(some) for size in sizes for some in combinations(shown, size)}

    assert not rests & set(range(1, GROUP))
