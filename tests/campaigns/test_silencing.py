"""An objection, and a restriction, act on mails that were sent before: what was counted goes, and nothing is added."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from newsletter import schedule
from newsletter.campaigns import silencing
from newsletter.core.db import db, utcnow
from newsletter.recipients import links, service
from newsletter.recipients.models import Objection, Recipient
from newsletter.tracking import measurement
from newsletter.tracking.models import Event, MeasurementKey, Silenced, Tally
from tests import factories
from tests.tracking.measured import URLS, Measured, count, events, make_measured, open_and_click


@pytest.fixture
def recipients(app: Flask) -> list[Recipient]:
    """Return three who are measured, on one newsletter."""
    return factories.make_recipients(factories.make_newsletter(), 3)


@pytest.fixture
def measured(recipients: list[Recipient]) -> Measured:
    """Return a campaign of that newsletter whose window is open."""
    return make_measured(newsletter_id=recipients[0].newsletter_id)


def wish(client: FlaskClient, recipient: Recipient, what: str, answer: str) -> None:
    """Post the form of the page to one's own data."""
    field = {"measurement": "measured", "restriction": "restricted"}[what]
    token = links.preferences_token(recipient.link_key, utcnow())
    assert client.post(f"/me/{token}/{what}", data={field: answer}).status_code == 303


OBJECTIONS = pytest.mark.parametrize(("what", "answer"), [("measurement", "no"), ("restriction", "yes")])


@OBJECTIONS
def test_who_objects_is_taken_out_of_what_was_counted_and_nobody_else(
    client: FlaskClient, recipients: list[Recipient], measured: Measured, what: str, answer: str
) -> None:
    for _time in range(2):
        open_and_click(client, measured, [recipient.id for recipient in recipients])
        count()

    wish(client, recipients[0], what, answer)
    assert silencing.see_to_objections() == 1

    assert measured.totals() == {0: (2, 4), 1: (2, 4), -1: (2, 4)}
    gone = measured.ids.pseudonyms.pseudonym(recipients[0].id)
    assert gone not in set(db.session.execute(select(Event.pseudonym)).scalars())
    assert events() == 6


def test_an_objection_waits_for_a_key_that_can_not_be_opened_and_acts_on_the_others(
    recipients: list[Recipient], measured: Measured, client: FlaskClient
) -> None:
    locked = make_measured(newsletter_id=recipients[0].newsletter_id)
    for each in (measured, locked):
        open_and_click(client, each, [recipient.id for recipient in recipients])
    count()
    of_locked = update(MeasurementKey).where(MeasurementKey.campaign_id == locked.id)
    key = db.session.execute(select(MeasurementKey.key_sealed).filter_by(campaign_id=locked.id)).scalar_one()
    db.session.execute(of_locked.values(key_sealed=b"sealed with a secret that nobody has here"))
    db.session.commit()

    wish(client, recipients[0], "measurement", "no")
    silencing.see_to_objections()
    done = [measured.totals()[0], locked.totals()[0]]
    db.session.execute(of_locked.values(key_sealed=key))
    db.session.commit()
    silencing.see_to_objections()

    assert done == [(2, 2), (3, 3)]
    assert [measured.totals()[0], locked.totals()[0]] == [(2, 2), (2, 2)]
    assert silencing.see_to_objections() == 0


@OBJECTIONS
def test_a_mail_opened_after_the_objection_is_not_counted_and_its_links_still_lead(
    client: FlaskClient, recipients: list[Recipient], measured: Measured, what: str, answer: str
) -> None:
    wish(client, recipients[0], what, answer)
    silencing.see_to_objections()

    open_and_click(client, measured, [recipient.id for recipient in recipients])
    count()

    assert measured.totals() == {0: (2, 2), 1: (2, 2), -1: (2, 2)}
    assert client.get(measured.link(recipients[0].id)).headers["Location"] == URLS[0]


def test_what_lay_in_the_buffer_at_the_objection_is_not_counted_either(
    client: FlaskClient, recipients: list[Recipient], measured: Measured
) -> None:
    open_and_click(client, measured, [recipients[0].id])

    wish(client, recipients[0], "measurement", "no")
    silencing.see_to_objections()
    count()

    assert measured.totals() == {}


@pytest.mark.parametrize(
    ("what", "answer", "again"), [("measurement", "no", "yes"), ("restriction", "yes", "no")], ids=["agree", "lift"]
)
def test_agreeing_again_and_lifting_act_on_mails_from_then_on_only(
    client: FlaskClient, recipients: list[Recipient], measured: Measured, what: str, answer: str, again: str
) -> None:
    wish(client, recipients[0], what, answer)
    wish(client, recipients[0], what, again)
    silencing.see_to_objections()
    later = make_measured(newsletter_id=recipients[0].newsletter_id)

    for campaign in (measured, later):
        open_and_click(client, campaign, [recipients[0].id])
    count()

    assert measured.totals() == {}
    assert later.totals() == {0: (1, 1), 1: (1, 1), -1: (1, 1)}


def test_who_leaves_right_after_objecting_has_objected(
    client: FlaskClient, recipients: list[Recipient], measured: Measured
) -> None:
    recipient_id = recipients[0].id
    open_and_click(client, measured, [recipient_id])
    count()

    wish(client, recipients[0], "measurement", "no")
    service.erase(recipients[0].link_key)
    silencing.see_to_objections()
    open_and_click(client, measured, [recipient_id])
    count()

    assert measured.totals() == {}
    assert db.session.query(Objection).count() == 0


def test_what_was_silenced_is_forgotten_with_the_key(
    client: FlaskClient, recipients: list[Recipient], measured: Measured
) -> None:
    open_and_click(client, measured, [recipient.id for recipient in recipients])
    count()
    wish(client, recipients[0], "measurement", "no")
    silencing.see_to_objections()
    assert db.session.query(Silenced).count() == 1

    db.session.execute(update(MeasurementKey).values(ends_at=utcnow() - timedelta(seconds=1)))
    db.session.commit()
    measurement.forget_ended()
    wish(client, recipients[1], "measurement", "no")
    silencing.see_to_objections()

    assert db.session.query(Silenced).count() == 0
    assert measured.totals()[0] == (2, 2)


def test_other_newsletters_are_left_alone(client: FlaskClient, recipients: list[Recipient], measured: Measured) -> None:
    other = make_measured()
    for campaign in (measured, other):
        open_and_click(client, campaign, [recipients[0].id])
    count()

    wish(client, recipients[0], "measurement", "no")
    silencing.see_to_objections()

    assert measured.totals() == {}
    assert db.session.query(Tally).filter_by(campaign_id=measured.id).count() == 0
    assert other.totals()[0] == (1, 1)


def test_a_worker_sees_to_objections_all_the_time() -> None:
    assert silencing.see_to_objections in [task for _name, _every, task in schedule.WORK]
