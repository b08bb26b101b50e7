"""The report of a campaign as the page shows it: figures with their rates, bars and the chart over time."""

from dataclasses import dataclass

from flask_babel import format_decimal
from markupsafe import Markup

from newsletter.campaigns import charts, unsubscribes
from newsletter.campaigns.models import Campaign
from newsletter.core.db import db
from newsletter.core.i18n import gettext as _
from newsletter.tracking.models import MeasurementKey
from newsletter.tracking.report import HourFigure, LinkFigure, Report, report

WINDOWS_HOURS = (24, 48, 72)


@dataclass(frozen=True)
class Figures:
    """What the report shows. `measured`: whether opens and clicks were counted at all."""

    measured: bool
    report: Report
    unsubscribes: int | None
    links: list[tuple[LinkFigure, Markup]]
    outcome: Markup
    chart: Markup | None
    window_hours: int


def figures(campaign: Campaign, counts: dict[str, int]) -> Figures:
    """Return the report's numbers and charts; `counts` as `counts.counts` gives them."""
    found = report(campaign.id, counts["sent"])
    most = max((link.unique or 0 for link in found.links), default=0)
    ordered = sorted(found.links, key=lambda link: (-(link.unique or 0), link.number))
    window = _window(campaign, found.hours)
    return Figures(
        measured=db.session.get(MeasurementKey, campaign.id) is not None,
        report=found,
        unsubscribes=unsubscribes.number(campaign.id, counts["sent"]),
        links=[(link, charts.share_bar(link.unique, most)) for link in ordered],
        outcome=charts.stack([(name, counts[name]) for name in ("sent", "in_doubt", "failed", "skipped")]),
        chart=_chart(campaign, found.hours, window) if found.hours else None,
        window_hours=window,
    )


def _window(campaign: Campaign, hours: list[HourFigure]) -> int:
    """Return the shortest window that holds all there is, or the longest one."""
    if campaign.started_at is None or not hours:
        return WINDOWS_HOURS[0]
    last = (hours[-1].hour - campaign.started_at).total_seconds() / 3600 + 1
    return next((window for window in WINDOWS_HOURS if last <= window), WINDOWS_HOURS[-1])


def _chart(campaign: Campaign, hours: list[HourFigure], window: int) -> Markup | None:
    started = campaign.started_at
    if started is None:
        return None
    opens = charts.running_total(started, {row.hour: row.opens for row in hours}, window)
    clicks = charts.running_total(started, {row.hour: row.clicks for row in hours}, window)
    description = _(
        "After %(hours)s hours at least %(opens)s people had opened the mail and at least %(clicks)s clicked a link.",
        hours=window,
        opens=opens[-1][1],
        clicks=clicks[-1][1],
    )
    curves = [charts.Curve(_("Opened"), "opens", opens), charts.Curve(_("Clicked"), "clicks", clicks)]
    return charts.line_chart(_("People who opened and clicked, over time"), description, curves, window, _spell)


def _spell(number: int) -> str:
    return str(format_decimal(number))
