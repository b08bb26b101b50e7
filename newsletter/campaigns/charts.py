"""Charts as SVG, made on the server: pure functions from numbers to markup. No style attribute (the content
security policy forbids it); colours come from classes in staff.css. Every number also stands in a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 32
BAR_WIDTH = 100
TICK_HOURS = ((24, 4), (72, 12), (168, 24))
Point = tuple[float, int]
Spell = Callable[[int], str]


@dataclass(frozen=True)
class Curve:
    """A line of the chart: its name, its class, and points (hours since the start, people so far)."""

    name: str
    css: str
    points: Sequence[Point]


def share_bar(part: int | None, whole: int) -> Markup:
    """Return a bar that fills `part` of `whole`; empty when the part is withheld. The number stands beside it."""
    filled = 0.0 if not part or whole <= 0 else min(BAR_WIDTH, round(BAR_WIDTH * part / whole, 1))
    return Markup(
        '<svg class="share" viewBox="0 0 {w} 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="rest" width="{w}" height="8"></rect><rect class="part" width="{filled}" height="8"></rect></svg>'
    ).format(w=BAR_WIDTH, filled=filled)


def stack(parts: Sequence[tuple[str, int]]) -> Markup:
    """Return one bar divided among `parts` (class, number). The numbers stand beside it."""
    whole = sum(number for _css, number in parts)
    start, rects = 0.0, Markup()
    for css, number in parts:
        width = 1000 * number / whole if whole else 0
        rects += Markup('<rect class="{}" x="{}" width="{}" height="12"></rect>').format(
            css, round(start, 2), round(width, 2)
        )
        start += width
    return Markup(
        '<svg class="stack" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="rest" width="1000" height="12"></rect>{}</svg>'
    ).format(rects)


def running_total(started_at: datetime, hours: Mapping[datetime, int | None], until_hours: int) -> list[Point]:
    """Return the points of a curve from the people of each hour, who are counted at its end; None: nobody more."""
    points: list[Point] = [(0.0, 0)]
    total = 0
    for hour, people in sorted(hours.items()):
        if people is None:
            continue
        end = hour + timedelta(hours=1)
        total += people
        points.append((max(0.0, (end - started_at).total_seconds() / 3600), total))
    return [point for point in points if point[0] <= until_hours]


def line_chart(title: str, description: str, curves: Sequence[Curve], until_hours: int, spell: Spell = str) -> Markup:
    """Return the chart of `curves` over `until_hours`, readable to a screen reader by title and description."""
    top = _nice(max((people for curve in curves for _hour, people in curve.points), default=0))
    lines = Markup().join(_line(curve, until_hours, top) for curve in curves)
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-labelledby="chart-title chart-desc">'
        '<title id="chart-title">{title}</title><desc id="chart-desc">{description}</desc>{rows}{columns}{lines}</svg>'
    ).format(
        w=WIDTH, h=HEIGHT, title=title, description=description,
        rows=_rows(top, spell), columns=_columns(until_hours), lines=lines,
    )  # fmt: skip


def _line(curve: Curve, until_hours: int, top: int) -> Markup:
    places = [f"{_x(hour, until_hours):.1f},{_y(people, top):.1f}" for hour, people in curve.points]
    if curve.points:  # nobody else so far: the line goes on, flat
        places.append(f"{_x(until_hours, until_hours):.1f},{_y(curve.points[-1][1], top):.1f}")
    return Markup('<polyline class="line {}" points="{}"></polyline>').format(curve.css, " ".join(places))


def _rows(top: int, spell: Spell) -> Markup:
    marks = Markup()
    for people in (0, top // 2, top):
        marks += Markup(
            '<line class="grid" x1="{x1}" x2="{x2}" y1="{y}" y2="{y}"></line>'
            '<text class="tick" x="{tx}" y="{ty}" text-anchor="end">{text}</text>'
        ).format(
            x1=LEFT, x2=WIDTH - RIGHT, y=round(_y(people, top), 1), tx=LEFT - 8, ty=round(_y(people, top) + 4, 1),
            text=spell(people),
        )  # fmt: skip
    return marks


def _columns(until_hours: int) -> Markup:
    step = next((step for most, step in TICK_HOURS if until_hours <= most), 48)
    marks = Markup()
    for hour in range(0, until_hours + 1, step):
        marks += Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{} h</text>').format(
            round(_x(hour, until_hours), 1), HEIGHT - 8, "end" if hour == until_hours else "middle", hour
        )
    return marks


def _x(hour: float, until_hours: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * hour / until_hours


def _y(people: int, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * people / top


def _nice(most: int) -> int:
    """Return the lowest of 10, 20, 40, 100, 200, 400 ... that is not below `most`."""
    scale = 10
    while True:
        for factor in (1, 2, 4):
            if most <= scale * factor:
                return scale * factor
        scale *= 10
