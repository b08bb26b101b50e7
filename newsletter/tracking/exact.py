"""How a campaign did, for programs that have an administrator's token: exact, and withheld where few are behind it.

People at the staff pages see steps instead (`steps`, `report`). Here a figure with fewer than `MEASUREMENT_MIN_GROUP`
people behind it is withheld (None), 0 included, because the step from 0 to "withheld" would show the first person;
`unique` and `total` go together. The totals of the links add up to the total of clicks. So when links that were clicked
are withheld, the smallest one that could be shown is withheld with them: what is left after subtracting all that is
shown then has at least one whole group of people behind it. With a group of 1 nothing is withheld.

Two limits: who looks before and after one click sees the difference, and who subtracts openers from the delivered sees
how many did not open, or could not be seen to. That is why people don't see these.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.tracking import steps
from newsletter.tracking.models import ANY_CLICK, OPEN, MeasurementKey, Tally
from newsletter.tracking.report import WITHHELD, Figure, LinkFigure, urls


class Counted(NamedTuple):
    """What the tallies say: never leaves this module unless enough people are behind it."""

    unique: int = 0
    total: int = 0


class Exact(NamedTuple):
    """What is told of a campaign's opens and clicks."""

    opens: Figure
    clicks: Figure
    links: list[LinkFigure]


NONE = Counted()


def report(campaign_id: int) -> Exact:
    """Return the campaign's figures; for one that was never measured they are None, and there are no links."""
    if db.session.get(MeasurementKey, campaign_id) is None:
        return Exact(WITHHELD, WITHHELD, [])
    group, sums, targets = steps.size(), _sums(campaign_id), urls(campaign_id)
    per_link = {number: sums.get(number, NONE) for number in targets}
    clicks = Counted(sums.get(ANY_CLICK, NONE).unique, sum(counted.total for counted in per_link.values()))
    links = shown_links(per_link, group)
    return Exact(
        opens=_figure(sums.get(OPEN, NONE), group),
        clicks=_figure(clicks, group),
        links=[LinkFigure(url, number, links[number].unique, links[number].total) for number, url in targets.items()],
    )


def withheld(people: int, group: int) -> bool:
    """Return whether a figure with so many people behind it is not shown.

    >>> [people for people in range(9) if withheld(people, 5)]
    [0, 1, 2, 3, 4]
    >>> withheld(0, 1)
    False
    """
    return group > 1 and people < group


def shown_links(per_link: Mapping[int, Counted], group: int) -> dict[int, Figure]:
    """Return what may be shown of each link, by number: see the rule above."""
    small = {number for number, counted in per_link.items() if withheld(counted.unique, group)}
    large = sorted(per_link.keys() - small, key=lambda number: (per_link[number], number))
    if large and any(per_link[number].unique for number in small):
        small.add(large[0])
    return {number: WITHHELD if number in small else Figure(*counted) for number, counted in per_link.items()}


def _figure(counted: Counted, group: int) -> Figure:
    return WITHHELD if withheld(counted.unique, group) else Figure(*counted)


def _sums(campaign_id: int) -> dict[int, Counted]:
    rows = db.session.execute(
        select(Tally.link, func.sum(Tally.unique), func.sum(Tally.total))
        .where(Tally.campaign_id == campaign_id)
        .group_by(Tally.link)
    ).all()
    return {link: Counted(int(unique), int(total)) for link, unique, total in rows}
