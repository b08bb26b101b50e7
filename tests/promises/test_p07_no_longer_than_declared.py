"""P7: nothing is kept longer than declared. Rows are made older, since it is the database's clock that rules."""

import re
import time
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from newsletter import schedule
from newsletter.campaigns import shrinking
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState, Delivery, DeliveryState
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.mail import outbox
from newsletter.privacy import runs
from newsletter.recipients import erasing, jobs
from newsletter.retention.enforcing import enforced
from newsletter.staff import audit
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient
from tests.staff.signing_in import signed_in
from tests.tracking.measured import make_measured


def age_by(table: str, column: str, days: float) -> None:
    """Move a moment in every row of the table into the past."""
    db.session.execute(text(f"UPDATE {table} SET {column} = {column} - :days * interval '1 day'"), {"days": days})
    db.session.commit()


def overdue() -> dict[str, int]:
    """Return what is there longer than declared, by rule."""
    numbers = {rule.name: rule.overdue(timedelta()) for rule in enforced() if rule.overdue is not None}
    db.session.rollback()
    return {name: number for name, number in numbers.items() if number}


def do_periodic_work() -> None:
    """Do all that enforces the table, as a worker whose turn it is."""
    for name, _every, task in schedule.TASKS:
        if name.startswith("keep no longer"):
            task()
    db.session.rollback()


def rows(table: str) -> int:
    return int(db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.fixture
def everything() -> None:
    """Something under every rule, as new as can be."""
    newsletter = make_newsletter()
    recipient, leaver = make_recipient(newsletter), make_recipient(newsletter)
    campaign = make_campaign(newsletter, state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())
    for person in (recipient, leaver):
        make_delivery(campaign, person, state=DeliveryState.SENT)
    make_measured()
    audit.note("token.create", "CRM")
    outbox.post(jobs.send_preferences_link, {"link_key": recipient.link_key.hex(), "language": "de"})
    db.session.execute(text(
        "INSERT INTO drained_batch (id) VALUES (gen_random_uuid());"
        "INSERT INTO staff (email, password, active, fs_uniquifier, closed_at)"
        " VALUES ('anna@staff.example', '', false, 'a', now())"
    ))  # fmt: skip
    db.session.commit()
    erasing.erase(leaver.link_key, None, "page")
    queues.redis().zadd("rq:failed:mail", {"job": time.time() + queues.FAILURE_SECONDS})


MOMENTS = {
    "outbox_mail.created_at": (1.9, 0.2),
    "receipt.delete_after": (3 * 365, 2 * 365),
    "measurement_key.ends_at": (89, 2),
    "campaign.finished_at": (89, 2),
    "audit_entry.at": (89, 2),
    "staff.closed_at": (89, 2),
    "drained_batch.drained_at": (0.9, 0.2),
}
"""For each kind: how many days a row is let alone, and how many more it takes until it has to be gone."""


def test_what_is_in_its_time_is_left_alone(app: Flask, everything: None) -> None:
    for place, (days, _more) in MOMENTS.items():
        age_by(*place.split("."), days if place != "receipt.delete_after" else 0)

    do_periodic_work()

    assert overdue() == {}
    for place in MOMENTS:
        assert rows(place.partition(".")[0]) > 0, place
    assert rows("delivery") == 2
    assert queues.redis().zcard("rq:failed:mail") == 1


def test_what_is_past_its_time_is_found_and_then_gone(app: Flask, everything: None) -> None:
    for place, (days, more) in MOMENTS.items():
        age_by(*place.split("."), days + more)
    queues.redis().zadd("rq:failed:mail", {"job": time.time() - 1})

    assert set(overdue()) == {
        "outbox", "receipts", "measurement", "deliveries", "audit", "accounts", "failed jobs", "work",
    }  # fmt: skip
    do_periodic_work()

    assert overdue() == {}
    for table in ("outbox_mail", "delivery", "audit_entry", "staff", "drained_batch"):
        assert rows(table) == 0, table
    assert rows("measurement_key WHERE key_sealed IS NOT NULL") == 0
    assert rows("receipt WHERE closed_at IS NOT NULL") == 0
    assert queues.redis().zcard("rq:failed:mail") == 0


def test_each_run_is_noted_with_what_it_deleted(app: Flask, everything: None) -> None:
    age_by("audit_entry", "at", 91)

    do_periodic_work()
    audit.note("token.create", "CRM")
    age_by("audit_entry", "at", 91)
    do_periodic_work()
    do_periodic_work()

    found = runs.every()
    assert set(found) == {rule.name for rule in enforced()}
    assert (found["audit"].deleted, found["audit"].total) == (0, 2)
    assert utcnow() - found["audit"].ran_at < timedelta(minutes=1)


def test_deliveries_shrink_to_their_counts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "AT_ONCE", 2)
    newsletter = make_newsletter()
    sent = make_campaign(newsletter, state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())
    for _person in range(5):
        make_delivery(sent, make_recipient(newsletter), state=DeliveryState.SENT)
    make_delivery(sent, make_recipient(newsletter), state=DeliveryState.FAILED, reply_code=550)
    age_by("campaign", "finished_at", 91)
    before = counts(sent.id)
    young = make_delivery(make_campaign(newsletter, state=CampaignState.SENDING, started_at=utcnow()))

    assert shrinking.shrink() == 6

    left = list(db.session.execute(select(Delivery.id)).scalars())
    assert left == [young.id]
    assert counts(sent.id) == before
    assert (before["audience"], before["sent"], before["failed"]) == (6, 5, 1)
    assert db.session.execute(select(func.count(Campaign.shrunk_at))).scalar_one() == 1
    assert shrinking.shrink() == 0


def test_one_call_shrinks_no_more_than_other_work_can_wait_for(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "AT_ONCE", 1)
    monkeypatch.setattr(shrinking, "MOST", 2)
    campaign = make_campaign(state=CampaignState.CANCELLED, started_at=utcnow(), finished_at=utcnow())
    for _person in range(3):
        make_delivery(campaign, state=DeliveryState.SKIPPED)
    age_by("campaign", "finished_at", 91)

    assert [shrinking.shrink(), shrinking.shrink(), shrinking.shrink()] == [2, 1, 0]


def test_staff_and_subscribers_see_what_is_kept_how_long_and_that_it_is_deleted(
    client: FlaskClient, everything: None
) -> None:
    age_by("audit_entry", "at", 91)
    do_periodic_work()
    signed_in(client, "admin")

    staff, public = client.get("/staff/admin/promises"), client.get("/privacy")

    for page in (staff.text, public.text):
        assert "Receipts of consents" in page
        assert "90 days from the sending on" in page
    assert re.search(r"Who of the staff did what.*?last enforced .*?, 1 deleted so far", public.text, re.DOTALL)
    assert client.application.test_client().get("/staff/admin/promises").status_code == 302
