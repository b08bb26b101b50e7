"""The delivery window: nothing is claimed while it is closed, nobody rings in vain, and staff see when it goes on."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from newsletter.campaigns import claims, service, sweep
from newsletter.campaigns.counts import counts
from newsletter.campaigns.desk import Desk
from newsletter.campaigns.models import CampaignState
from newsletter.campaigns.windows import OPEN
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.recipients import hours, newsletters
from newsletter.recipients.models import Newsletter
from tests.factories import make_campaign, make_newsletter, make_recipients
from tests.sink import Sink
from tests.staff.signing_in import signed_in

RunJobs = Callable[[], int]


def window(begins_in_hours: float, ends_in_hours: float) -> dict[str, str]:
    """Return a delivery window around now, in UTC."""
    begin, end = (utcnow() + timedelta(hours=hours) for hours in (begins_in_hours, ends_in_hours))
    return {"time_zone": "UTC", "send_from": f"{begin:%H:%M}", "send_until": f"{end:%H:%M}"}


CLOSED, OPENED = (2, 4), (-2, 2)


def test_nothing_is_sent_and_nobody_rings_while_the_window_is_closed(sink: Sink, app: Flask, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter(**window(*CLOSED))
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()
    sweep.sweep()

    assert queues.waiting(queues.CAMPAIGNS) == 0
    assert counts(campaign.id)["queued"] == 5
    assert campaign.state == CampaignState.SENDING

    newsletters.change(newsletter, window(*OPENED))
    sweep.sweep()
    run_jobs()

    assert counts(campaign.id)["sent"] == len(sink.mails) == 5


def test_the_batch_in_hand_is_the_most_that_goes_after_it_closes(sink: Sink, app: Flask) -> None:
    newsletter = make_newsletter(**window(*OPENED))
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    desk = Desk(db.engine, campaign.id)
    batch = desk.open_batch(2)
    assert isinstance(getattr(batch, "id", None), int)

    newsletters.change(newsletter, window(*CLOSED))
    may = desk.turn([], batch, list(batch.waiting))  # type: ignore[union-attr, arg-type]
    following = desk.open_batch(2)
    batch.close()  # type: ignore[union-attr]
    desk.close()

    assert may
    assert following is None


@pytest.mark.parametrize("length", [1, 8, 23])
def test_the_database_and_the_pages_agree_whether_it_is_open(app: Flask, length: int) -> None:
    newsletter = make_newsletter(time_zone="America/New_York")
    opened = []

    for begin in range(24):
        newsletters.change(newsletter, {"send_from": f"{begin:02}:00", "send_until": f"{(begin + length) % 24:02}:00"})
        is_open = db.session.execute(select(text(OPEN)).select_from(Newsletter)).scalar_one()
        assert is_open is (hours.opens_at(newsletter, utcnow()) is None)
        opened.append(is_open)

    assert sum(opened) == length


def test_a_closed_window_wakes_and_waits_for_nothing(sink: Sink, app: Flask) -> None:
    newsletter = make_newsletter(**window(*CLOSED))
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    db.session.execute(text("UPDATE delivery SET state = 'deferred', not_before = now() + interval '1 second'"))
    db.session.commit()

    with db.engine.begin() as connection:
        assert claims.soonest(connection, campaign.id) is None


def test_the_page_says_when_it_goes_on_and_the_question_before_sending_too(sink: Sink, client: FlaskClient) -> None:
    signed_in(client)
    newsletter = make_newsletter(**window(*CLOSED))
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    path = f"/staff/campaigns/{service.public_id(campaign)}"

    question = client.get(f"{path}/send").text
    service.send(campaign)
    page = client.get(path).text

    opens = window(*CLOSED)["send_from"]
    assert f"between {opens} and" in question
    assert "Now it would wait until" in question
    assert "waits for the delivery window, goes on at" in page
    assert f"{opens} (UTC)" in page


def test_a_campaign_scheduled_for_the_night_says_when_it_goes(sink: Sink, client: FlaskClient) -> None:
    signed_in(client)
    newsletter = make_newsletter(time_zone="Europe/Lisbon", send_from="08:00", send_until="20:00")
    make_recipients(newsletter, 1)
    campaign = make_campaign(newsletter, state=CampaignState.SCHEDULED, scheduled_at="2030-01-15T22:00:00+00:00")

    page = client.get(f"/staff/campaigns/{service.public_id(campaign)}").text

    assert "15 Jan 2030, 22:00 (Europe/Lisbon)" in page
    assert "16 Jan 2030, 08:00" in page
