"""Charts: right shapes for the numbers, nothing taken for markup, no style attribute (strict CSP)."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from newsletter.campaigns import charts
from newsletter.campaigns.charts import Curve

START = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
EIGHT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def widths(svg: str, css: str) -> list[float]:
    return [float(width) for width in re.findall(rf'class="{css}"[^>]*? width="([\d.]+)"', svg)]


@pytest.mark.parametrize(
    ("part", "whole", "width"),
    [(0, 10, 0), (5, 10, 50), (10, 10, 100), (1, 3, 33.3), (None, 10, 0), (0, 0, 0), (9, 3, 100)]
)  # fmt: skip
def test_a_bar_is_as_long_as_its_share(part: int | None, whole: int, width: float) -> None:
    assert widths(charts.share_bar(part, whole), "part") == [width]


def test_a_stack_divides_its_whole_length() -> None:
    svg = charts.stack([("sent", 90), ("failed", 6), ("skipped", 4)])

    assert widths(svg, "sent") + widths(svg, "failed") + widths(svg, "skipped") == [900, 60, 40]
    assert 'class="failed" x="900.0"' in svg
    assert widths(charts.stack([("sent", 0)]), "sent") == [0]


def test_people_of_an_hour_are_counted_at_its_end() -> None:
    hours = {EIGHT: 5, EIGHT + timedelta(hours=3): 7, EIGHT + timedelta(hours=1): None}

    points = charts.running_total(START, hours, until_hours=24)

    assert points == [(0, 0), (1.5, 5), (4.5, 12)]


def test_what_comes_after_the_window_is_left_out() -> None:
    hours = {EIGHT: 5, EIGHT + timedelta(hours=40): 7}

    assert charts.running_total(START, hours, until_hours=24) == [(0, 0), (1.5, 5)]
    assert charts.running_total(START, hours, until_hours=72)[-1] == (41.5, 12)


def test_a_chart_names_and_describes_itself_and_is_well_formed() -> None:
    svg = charts.line_chart("Opened", "40 people", [Curve("Opened", "opens", [(0, 0), (12, 40)])], 24)

    root = ElementTree.fromstring(svg)  # noqa: S314  # our own
    assert root.attrib["role"] == "img"
    labels = root.attrib["aria-labelledby"].split()
    assert [child.text for child in root if child.attrib.get("id") in labels] == ["Opened", "40 people"]


def test_a_line_goes_up_to_its_people_and_then_on_to_the_end() -> None:
    svg = charts.line_chart("t", "d", [Curve("Opened", "opens", [(0, 0), (12, 40)])], 24)

    found = re.search(r'<polyline class="line opens" points="([^"]+)"', svg)
    assert found
    places = [tuple(map(float, place.split(","))) for place in found[1].split()]
    bottom, top = charts.HEIGHT - charts.BOTTOM, charts.TOP
    right, left = charts.WIDTH - charts.RIGHT, charts.LEFT
    assert places == [(left, bottom), ((left + right) / 2, top), (right, top)]


@pytest.mark.parametrize(("most", "top"), [(0, 10), (10, 10), (11, 20), (39, 40), (41, 100), (140, 200), (999, 1000)])
def test_the_scale_ends_at_a_round_number(most: int, top: int) -> None:
    svg = charts.line_chart("t", "d", [Curve("Opened", "opens", [(1, most)])], 24)

    ticks = re.findall(r'text-anchor="end">(\d+)<', svg)
    assert ticks == ["0", str(top // 2), str(top)]


def test_texts_are_escaped_and_nothing_is_styled_in_place() -> None:
    canary = '"><script>alert(1)</script>'

    svg = charts.line_chart(canary, canary, [Curve(canary, "opens", [(1, 5)])], 24, lambda number: f"<b>{number}")

    ElementTree.fromstring(svg)  # noqa: S314  # our own
    assert "<script" not in svg
    assert "<b>" not in svg
    assert "style=" not in svg + charts.share_bar(1, 2) + charts.stack([("sent", 1)])
