"""A report shows people in steps, and nothing of less than a step, however often it is looked at."""

from datetime import UTC, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db
from newsletter.tracking import measurement, steps
from newsletter.tracking.models import ANY_CLICK, OPEN, Tally
from newsletter.tracking.report import WITHHELD, Figure, Report, report
from tests import factories
from tests.tracking.measured import URLS, Measured, count, make_measured, open_and_click, without_group

START = datetime(2026, 5, 1, tzinfo=UTC)
DELIVERED = 100


def shown(measured: Measured, delivered: int = DELIVERED) -> Report:
    """Count what was noted and return what is shown then."""
    count()
    return report(measured.id, delivered)


def test_five_people_are_shown_and_the_next_four_change_nothing(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(5))
    first = shown(measured)

    open_and_click(client, measured, range(9))
    second = shown(measured)

    assert (first.opens, first.clicks) == (Figure(5, 5), Figure(5, 5))
    assert [(link.url, link.unique, link.total) for link in first.links] == [(URLS[0], 5, 5), (URLS[1], None, None)]
    assert [(hour.opens, hour.clicks) for hour in first.hours] == [(5, 5)]
    assert second == first


def test_the_tenth_person_moves_people_and_what_all_of_them_did(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(9))
    shown(measured)

    open_and_click(client, measured, range(10))

    assert shown(measured).opens == Figure(10, 15)


def test_one_person_who_clicks_again_and_again_moves_nothing(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(6))
    before = shown(measured)

    for _time in range(12):
        open_and_click(client, measured, [3])

    assert shown(measured) == before


def test_figures_of_four_people_are_withheld_however_often_they_came(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    for _time in range(5):
        open_and_click(client, measured, range(4))

    figures = shown(measured)

    assert (figures.opens, figures.clicks, figures.hours) == (WITHHELD, WITHHELD, [])
    assert {(link.unique, link.total) for link in figures.links} == {(None, None)}


def test_the_first_four_people_change_nothing_that_is_shown(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    before = shown(measured)

    open_and_click(client, measured, range(4))

    assert shown(measured) == before


def test_that_everybody_opened_can_not_be_seen(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(19))
    nearly = shown(measured, delivered=20)

    open_and_click(client, measured, range(19, 20))

    assert shown(measured, delivered=20) == nearly
    assert nearly.opens.unique == 15
    assert sum(hour.opens or 0 for hour in nearly.hours) == 15


def test_one_person_on_two_links_is_one_person(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    for number in (1, 2):
        open_and_click(client, measured, range(10), number)

    figures = shown(measured)

    assert figures.clicks == Figure(10, 20)
    assert [(link.unique, link.total) for link in figures.links] == [(10, 10)] * 2


def test_a_group_of_one_shows_everything_as_it_is(app: Flask, client: FlaskClient) -> None:
    without_group()
    measured = make_measured()
    open_and_click(client, measured, range(1))
    shown(measured, delivered=1)
    open_and_click(client, measured, range(1))

    figures = shown(measured, delivered=1)

    assert (figures.opens, figures.clicks) == (Figure(1, 2), Figure(1, 2))
    assert [(link.unique, link.total) for link in figures.links] == [(1, 2), (0, 0)]


def test_an_unmeasured_campaign_has_no_figures_even_for_a_group_of_one(app: Flask) -> None:
    without_group()

    figures = report(factories.make_campaign().id, DELIVERED)

    assert (figures.opens, figures.clicks, figures.links, figures.hours) == (WITHHELD, WITHHELD, [], [])


def test_a_report_is_the_same_before_and_after_the_key_is_destroyed(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(9), 1)
    open_and_click(client, measured, range(4, 12), 2)
    before = shown(measured)

    measurement.forget_key(measured.id)
    db.session.commit()

    assert shown(measured) == before
    assert before.clicks == Figure(10, 15)


def test_people_stand_in_the_hour_that_made_a_step_full(app: Flask) -> None:
    measured = make_measured()
    for hour, opens, clicks in ((0, 20, 2), (1, 3, 2), (2, 4, 3), (9, 1, 0)):
        for link, people in ((OPEN, opens), (ANY_CLICK, clicks)):
            at = START + timedelta(hours=hour)
            db.session.add(Tally(campaign_id=measured.id, link=link, hour=at, unique=people, total=people))
    db.session.flush()
    steps.take([measured.id])

    hours = report(measured.id, DELIVERED).hours

    found = [(hour.hour.astimezone(UTC).hour, hour.opens, hour.clicks) for hour in hours]
    assert found == [(0, 20, None), (2, 5, 5)]
