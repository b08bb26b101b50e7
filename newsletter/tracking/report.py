"""How a campaign did, in numbers for people, none of which points at a person: `steps` has the rule.

Figures come from tallies, which no pseudonym is left in, so they are the same before and after the key is destroyed.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from newsletter.core.db import db
from newsletter.tracking import steps
from newsletter.tracking.models import (
    ANY_CLICK,
    MACHINE_CLICK,
    MACHINE_OPEN,
    OPEN,
    Link,
    MeasurementKey,
    ShownFigure,
    Tally,
)


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
    """How many people more had opened, and clicked, at the end of this hour; None where no step was full."""

    hour: datetime
    opens: int | None
    clicks: int | None


@dataclass(frozen=True)
class Report:
    """All that is shown of a campaign's opens and clicks: those of people, and apart from them those of machines."""

    opens: Figure
    clicks: Figure
    links: list[LinkFigure]
    hours: list[HourFigure]
    machine_opens: Figure
    machine_clicks: Figure


WITHHELD = Figure(None, None)


def report(campaign_id: int, delivered: int) -> Report:
    """Return the campaign's figures, of which `delivered` mails were; for one never measured all are None or empty."""
    if db.session.get(MeasurementKey, campaign_id) is None:
        return Report(WITHHELD, WITHHELD, [], [], WITHHELD, WITHHELD)
    figures = _figures(campaign_id, delivered)
    opens, clicks = figures[OPEN], figures[ANY_CLICK]
    return Report(
        opens=opens,
        clicks=clicks,
        links=[
            LinkFigure(url, number, figures[number].unique, figures[number].total)
            for number, url in urls(campaign_id).items()
        ],
        hours=_hours(campaign_id, opens.unique or 0, clicks.unique or 0),
        machine_opens=figures[MACHINE_OPEN],
        machine_clicks=figures[MACHINE_CLICK],
    )


def _figures(campaign_id: int, delivered: int) -> defaultdict[int, Figure]:
    """Return what is shown, by link: as little of one that nobody clicked as of one that few did."""
    group = steps.size()
    nothing = Figure(0, 0) if group == 1 else WITHHELD
    rows = db.session.execute(select(ShownFigure).where(ShownFigure.campaign_id == campaign_id)).scalars()
    return defaultdict(lambda: nothing, {row.link: _figure(row, delivered, group) for row in rows})


def _figure(row: ShownFigure, delivered: int, group: int) -> Figure:
    """Return the last step, or the one before when the last would leave less than a group of the delivered."""
    for people, times in ((row.unique, row.total), (row.unique_before, row.total_before)):
        unique = steps.shown(people, delivered, group)
        if unique == steps.rounded(people, group):
            return Figure(unique, steps.rounded(times, group))
    return WITHHELD


def urls(campaign_id: int) -> dict[int, str]:
    """Return where the links of a campaign lead, by number."""
    query = select(Link.number, Link.url).where(Link.campaign_id == campaign_id).order_by(Link.number)
    return {row.number: row.url for row in db.session.execute(query)}


def _hours(campaign_id: int, opened: int, clicked: int) -> list[HourFigure]:
    rows = db.session.execute(
        select(Tally.link, Tally.hour, Tally.unique)
        .where(Tally.campaign_id == campaign_id, Tally.link.in_((OPEN, ANY_CLICK)), Tally.unique > 0)
        .order_by(Tally.hour)
    ).all()
    firsts: dict[int, dict[datetime, int]] = defaultdict(dict)
    for link, hour, unique in rows:
        firsts[link][hour] = unique
    opens = steps.hours(firsts[OPEN], opened, steps.size())
    clicks = steps.hours(firsts[ANY_CLICK], clicked, steps.size())
    return [HourFigure(hour, opens.get(hour), clicks.get(hour)) for hour in sorted(opens.keys() | clicks.keys())]
