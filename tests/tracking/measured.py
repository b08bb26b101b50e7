"""A campaign whose window is open, and what one does with it in tests."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import func, select

from newsletter.core.db import db
from newsletter.recipients.models import Newsletter
from newsletter.tracking import buffer, measurement
from newsletter.tracking.models import Event, Tally
from newsletter.tracking.tracker import tracker
from tests import factories

URLS = ["https://www.example.org/neues", "https://www.example.org/tarife?von=newsletter#strom"]


@dataclass
class Measured:
    """A campaign that is being measured."""

    id: int
    ids: measurement.MeasurementIds

    def pixel(self, person: int) -> str:
        """Return the path of the pixel in the mail of recipient `person`."""
        return f"/o/{self.ids.spell(person)}.gif"

    def link(self, person: int, number: int = 1) -> str:
        """Return the path of link `number` in the mail of recipient `person`."""
        return f"/c/{self.ids.spell(person)}/{number}"

    def totals(self) -> dict[int, tuple[int, int]]:
        """Return people and times per link as they stand in the tallies."""
        db.session.rollback()
        rows = db.session.execute(
            select(Tally.link, func.sum(Tally.unique), func.sum(Tally.total))
            .where(Tally.campaign_id == self.id)
            .group_by(Tally.link)
        )
        return {link: (unique, total) for link, unique, total in rows}


def make_measured(urls: list[str] | None = None, newsletter_id: int | None = None) -> Measured:
    """Store a campaign, of a newsletter of its own if none is given, and open its window."""
    newsletter = db.session.get_one(Newsletter, newsletter_id) if newsletter_id is not None else None
    campaign_id = factories.make_campaign(newsletter).id
    measurement.open_window(campaign_id, URLS if urls is None else urls)
    db.session.commit()
    return Measured(campaign_id, measurement.MeasurementIds.for_campaign(campaign_id))


def open_and_click(client: FlaskClient, measured: Measured, people: Iterable[int], number: int = 1) -> None:
    """Let each of `people` open once and click link `number` once."""
    for person in people:
        assert client.get(measured.pixel(person)).status_code == 200
        assert client.get(measured.link(person, number)).status_code == 302


def count() -> int:
    """Bring all that was noted to the tables, as flusher and drain do."""
    assert tracker().notes.flush()
    return buffer.drain(settle_seconds=0)


def events() -> int:
    """Return how many pseudonymous events there are."""
    db.session.rollback()
    return db.session.execute(select(func.count()).select_from(Event)).scalar_one()


def without_group(group: int = 1) -> None:
    """Set MEASUREMENT_MIN_GROUP."""
    current_app.config["MEASUREMENT_MIN_GROUP"] = group
