"""How a campaign did, in numbers none of which is small enough to point at a person (P4).

The rule. A figure counts people (`unique`) or what people did (`total`). One with fewer than `MEASUREMENT_MIN_GROUP`
people behind it is withheld (None), 0 included, because the step from 0 to "withheld" would show the first
person. `unique` and `total` go together. With a group of 1 nothing is withheld.

What is withheld must not come back by subtraction:

- The totals of the links add up to the total of clicks. So when links that were clicked are withheld, the smallest
  one that could be shown is withheld with them: what is left after subtracting all that is shown then has at least
  one whole group of people behind it, and no single link of it can be told. Links that nobody clicked give
  nothing away and cause none of this.
- The hours of opens (and of clicks) add up to its people. Hours are therefore not withheld but joined: each runs on
  until it holds a whole group, and what remains at the end belongs to the last. Where None stands in
  an hour's row, its people stand in an earlier row.

Figures come from tallies, which no pseudonym is left in, so they are the same before and after the key is destroyed.
Two limits: whoever looks before and after one click sees the difference, and people who clicked some link
but not the largest can be counted as a group where both figures are shown.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.tracking.models import ANY_CLICK, OPEN, Link, MeasurementKey, Tally


@dataclass(frozen=True)
class Figure:
    """People, and what they did; None where withheld."""

    unique: int | None
    total: int | None


@dataclass(frozen=True)
class LinkFigure:
    """The clicks of one link of the campaign; None where withheld."""

    url: str
    number: int
    unique: int | None
    total: int | None


@dataclass(frozen=True)
class HourFigure:
    """How many people first opened, and first clicked, from this hour on until the next row that has such a figure."""

    hour: datetime
    opens: int | None
    clicks: int | None


@dataclass(frozen=True)
class Report:
    """All that is shown of a campaign's opens and clicks."""

    opens: Figure
    clicks: Figure
    links: list[LinkFigure]
    hours: list[HourFigure]


WITHHELD = Figure(None, None)
Counts = tuple[int, int]
"""`unique` and `total`, not withheld yet: never leaves this module."""


def report(campaign_id: int) -> Report:
    """Return the campaign's figures; for one that was never measured all of them are None, and the lists empty."""
    group = current_app.config["MEASUREMENT_MIN_GROUP"]
    if db.session.get(MeasurementKey, campaign_id) is None:
        return Report(WITHHELD, WITHHELD, [], [])
    sums, urls = _sums(campaign_id), _urls(campaign_id)
    per_link = {number: sums.get(number, (0, 0)) for number in urls}
    clicks = (sums.get(ANY_CLICK, (0, 0))[0], sum(total for _unique, total in per_link.values()))
    shown = shown_links(per_link, group)
    return Report(
        opens=_figure(sums.get(OPEN, (0, 0)), group),
        clicks=_figure(clicks, group),
        links=[LinkFigure(url, number, shown[number].unique, shown[number].total) for number, url in urls.items()],
        hours=_hours(campaign_id, group),
    )


def _sums(campaign_id: int) -> dict[int, Counts]:
    rows = db.session.execute(
        select(Tally.link, func.sum(Tally.unique), func.sum(Tally.total))
        .where(Tally.campaign_id == campaign_id)
        .group_by(Tally.link)
    ).all()
    return {link: (int(unique), int(total)) for link, unique, total in rows}


def _urls(campaign_id: int) -> dict[int, str]:
    query = select(Link.number, Link.url).where(Link.campaign_id == campaign_id).order_by(Link.number)
    return {row.number: row.url for row in db.session.execute(query)}


def withheld(people: int, group: int) -> bool:
    """Return whether a figure with so many people behind it is not shown. Every figure of a campaign goes by this.

    >>> [people for people in range(9) if withheld(people, 5)]
    [0, 1, 2, 3, 4]
    >>> withheld(0, 1)
    False
    """
    return group > 1 and people < group


def _figure(counts: Counts, group: int) -> Figure:
    return WITHHELD if withheld(counts[0], group) else Figure(*counts)


def shown_links(per_link: Mapping[int, Counts], group: int) -> dict[int, Figure]:
    """Return what may be shown of each link, by number: see the rule above."""
    small = {number for number, counts in per_link.items() if withheld(counts[0], group)}
    large = sorted(per_link.keys() - small, key=lambda number: (per_link[number], number))
    if large and any(per_link[number][0] for number in small):
        small.add(large[0])
    return {number: WITHHELD if number in small else Figure(*counts) for number, counts in per_link.items()}


def _hours(campaign_id: int, group: int) -> list[HourFigure]:
    rows = db.session.execute(
        select(Tally.link, Tally.hour, Tally.unique)
        .where(Tally.campaign_id == campaign_id, Tally.link.in_((OPEN, ANY_CLICK)), Tally.unique > 0)
        .order_by(Tally.hour)
    ).all()
    firsts: dict[int, dict[datetime, int]] = defaultdict(dict)
    for link, hour, unique in rows:
        firsts[link][hour] = unique
    opens, clicks = joined(firsts[OPEN], group), joined(firsts[ANY_CLICK], group)
    return [HourFigure(hour, opens.get(hour), clicks.get(hour)) for hour in sorted(opens.keys() | clicks.keys())]


def joined(hours: Mapping[datetime, int], group: int) -> dict[datetime, int]:
    """Return hours, in order, joined until each holds `group` people; nothing when all together don't.

    >>> nine, ten, eleven = (datetime(2026, 5, 1, hour) for hour in (9, 10, 11))
    >>> list(joined({nine: 3, ten: 4, eleven: 1}, 5).values())
    [8]
    """
    spans: list[tuple[datetime, int]] = []
    start, people = None, 0
    for hour, number in hours.items():
        start, people = start or hour, people + number
        if people >= group:
            spans.append((start, people))
            start, people = None, 0
    if people and spans:
        spans[-1] = (spans[-1][0], spans[-1][1] + people)
    return dict(spans)
