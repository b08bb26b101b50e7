"""A platform sets the database back by itself: web and worker notice when they start, and mend it first."""

import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import RedisError
from sqlalchemy import select, text

from newsletter.campaigns import faults, service
from newsletter.campaigns import setback as setback_of_campaigns
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.journal import copying, entries, marks
from newsletter.journal.models import Entry, Kind
from newsletter.mail import outbox
from newsletter.optin import restraint
from newsletter.optin.models import Unwanted
from newsletter.recipients import erasing, jobs, links, preferences
from newsletter.recipients.models import Newsletter, Objection, Recipient
from newsletter.recovery import looking, replaying, wsgi
from tests.factories import make_campaign, make_newsletter, make_recipient, make_recipients
from tests.outages import database_away
from tests.procfile import Processes
from tests.sink import Sink

LEAVE, STAY = 100, 5


def dump(url: str, path: Path) -> None:
    subprocess.run(["pg_dump", "-Fc", "-f", path, url], check=True)


def set_back(url: str, path: Path) -> None:
    """Restore as a platform does: behind the service's back."""
    subprocess.run(["pg_restore", "--clean", "--if-exists", "-d", url, path], check=True)


def test_after_a_restore_by_the_platform_the_rows_are_gone_before_the_first_answer_and_nobody_is_mailed(
    app: Flask, env: dict[str, str], make_processes: Processes, sink: Sink, let_go: Callable[[], None], tmp_path: Path
) -> None:
    newsletter, url = make_newsletter(), env["DATABASE_URL"]
    leaving = make_recipients(newsletter, LEAVE)
    make_recipients(newsletter, STAY)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    looking.keep()
    dump(url, tmp_path / "dump")
    keys = [recipient.link_key for recipient in leaving]
    for key in keys:
        erasing.erase(key, None, "one_click")
    looking.keep()
    let_go()
    set_back(url, tmp_path / "dump")

    make_processes.start("web")
    make_processes.wait_for("/healthz")
    answer = make_processes.status(f"/me/{links.preferences_token(keys[0])}")

    there = set(db.session.execute(select(Recipient.link_key)).scalars())
    assert answer == 404
    assert len(there) == STAY
    assert not there.intersection(keys)
    assert db.session.execute(select(Campaign.state)).scalar_one() == CampaignState.PAUSED
    make_processes.start("worker")
    make_processes.wait_for("/readyz")
    assert sink.mails == []
    again = db.session.execute(select(Campaign)).scalar_one()
    service.resume(again)
    until(lambda: state() == CampaignState.SENT, make_processes)
    service.resend_in_doubt(again)
    sink.wait(STAY)
    until(lambda: state() == CampaignState.SENT, make_processes)
    assert len(sink.mails) == STAY


def test_a_worker_mails_nobody_before_it_knows_that_the_database_is_the_present_one(
    app: Flask, make_processes: Processes, sink: Sink
) -> None:
    newsletter = make_newsletter()
    leaver, _stayer = make_recipients(newsletter, 2)
    service.send(make_campaign(newsletter))
    copying.write([gone(leaver)])
    marks.tell_redis(marks.move() + timedelta(days=3))
    execute("CREATE TABLE restoring ()")

    worker = make_processes.start("worker")
    until(lambda: "can't be known" in make_processes.log(), make_processes)
    assert sink.mails == []
    execute("DROP TABLE restoring")
    until(lambda: state() == CampaignState.PAUSED, make_processes)

    assert worker.process.poll() is None
    assert sink.mails == []
    assert db.session.query(Recipient).count() == 1


def gone(recipient: Recipient) -> Entry:
    """Return the entry that the recipient's leaving would make, without the leaving."""
    digest = db.session.execute(text("SELECT journal_digest(CAST(:key AS bytea))"), {"key": recipient.link_key})
    return Entry(Kind.ERASED, digest.scalar_one(), utcnow())


def execute(query: str) -> None:
    db.session.execute(text(query))
    db.session.commit()


def state() -> CampaignState:
    """Return the state of the only campaign."""
    db.session.rollback()
    return db.session.execute(select(Campaign.state)).scalar_one()


def until(done: Callable[[], bool], processes: Processes) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, processes.log()
        time.sleep(0.05)


@pytest.fixture
def setback(app: Flask) -> Recipient:
    """A database that is an hour behind Redis, which knows that this recipient has left."""
    recipient = make_recipient()
    copying.write([gone(recipient)])
    marks.tell_redis(marks.move() + timedelta(hours=1))
    return recipient


def test_a_web_process_mends_it_before_its_first_answer(client: FlaskClient, setback: Recipient) -> None:
    health = client.get("/healthz")
    assert (health.status_code, db.session.query(Recipient).count()) == (200, 1)

    page = client.get(links.preferences_url(setback.link_key))

    assert page.status_code == 404
    assert db.session.query(Recipient).count() == 0
    assert marks.went_back() is None


def test_a_start_looks_ahead_and_leaves_the_mending_to_the_first_request(
    app: Flask, client: FlaskClient, setback: Recipient
) -> None:
    wsgi.look_ahead(app)
    assert db.session.query(Recipient).count() == 1

    client.get("/")
    assert db.session.query(Recipient).count() == 0


def test_where_all_is_well_the_first_visitor_does_not_wait_for_a_look(app: Flask, client: FlaskClient) -> None:
    wsgi.look_ahead(app)

    with mock.patch.object(looking, "look") as look:
        assert client.get("/").status_code == 200

    look.assert_not_called()


def test_a_start_without_the_database_is_a_start(app: Flask, client: FlaskClient, database_url: str) -> None:
    with database_away(database_url):
        wsgi.look_ahead(app)

    assert client.get("/").status_code == 200


def test_nothing_is_answered_from_a_restore_that_was_interrupted(client: FlaskClient, setback: Recipient) -> None:
    execute("CREATE TABLE restoring ()")
    answers = [client.get("/").status_code, client.get("/healthz").status_code]
    execute("DROP TABLE restoring")

    assert answers == [503, 200]
    assert client.get("/").status_code == 200
    assert db.session.query(Recipient).count() == 0


def test_a_web_process_that_started_without_redis_answers_and_looks_as_soon_as_it_can(
    client: FlaskClient, setback: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise RedisError

    with monkeypatch.context() as patch:
        patch.setattr(marks, "in_redis", away)
        assert client.get("/").status_code == 200
    monkeypatch.setattr(wsgi, "monotonic", lambda: time.monotonic() + wsgi.AGAIN_SECONDS)
    client.get("/")

    assert db.session.query(Recipient).count() == 0


def test_the_periodic_work_notices_under_running_processes_and_replays_once(app: Flask, setback: Recipient) -> None:
    looking.keep()
    looking.keep()

    assert db.session.query(Recipient).count() == 0
    assert looking.look() is None


def test_objections_restrictions_and_that_was_not_me_hold_again(app: Flask) -> None:
    objector, restricter, fickle = make_recipients(make_newsletter(), 3)
    preferences.measure(objector.link_key, agreed=False)
    preferences.restrict(restricter.link_key, wished=True)
    preferences.measure(fickle.link_key, agreed=False)
    preferences.measure(fickle.link_key, agreed=True)
    restraint.refuse(restraint.not_me_token("kim@example.org"))
    known = entries.every()
    execute("UPDATE recipient SET measured = true, restricted_at = NULL; DELETE FROM unwanted")
    execute("DELETE FROM objection; DELETE FROM journal")

    done = replaying.replay(known)

    assert (done.erased, done.wishes) == (0, 3)
    db.session.expire_all()
    assert db.session.query(Objection).count() == 2
    assert [each.measured for each in (objector, restricter, fickle)] == [False, True, True]
    assert [each.restricted_at is not None for each in (objector, restricter, fickle)] == [False, True, False]
    assert db.session.query(Unwanted).one().until > utcnow() + timedelta(days=179)


def test_who_has_moved_since_is_gone_and_who_had_moved_before_is_not(app: Flask) -> None:
    before, since, stayer = make_recipients(make_newsletter(), 3)
    for recipient in (before, since):
        execute(f"UPDATE recipient SET address_changed_at = clock_timestamp() WHERE id = {recipient.id}")
    known = entries.every()
    execute(f"UPDATE recipient SET address_changed_at = NULL WHERE id = {since.id}")

    replaying.replay(known)

    left = set(db.session.execute(select(Recipient.id)).scalars())
    assert left == {before.id, stayer.id}


def test_what_was_planned_is_a_draft_and_waiting_mail_is_dropped_unless_only_a_moment_was_lost(app: Flask) -> None:
    planned = make_campaign(state=CampaignState.SCHEDULED, scheduled_at=utcnow() + timedelta(hours=1))
    outbox.post(jobs.send_preferences_link, {"link_key": "00", "language": "de"})
    db.session.commit()

    moment = replaying.replay([], lost=timedelta(seconds=2))
    longer = replaying.replay([], lost=timedelta(days=2))

    db.session.refresh(planned)
    assert (planned.state, planned.pause_reason) == (CampaignState.DRAFT, faults.RESTORED)
    assert (moment.mails, longer.mails) == (0, 1)
    assert make_campaign().id > planned.id + setback_of_campaigns.IDS_SKIPPED


def test_a_purged_newsletter_is_purged_again(app: Flask) -> None:
    make_recipient()
    digest = db.session.execute(text("SELECT journal_digest(id, created_at) FROM newsletter")).scalar_one()

    replaying.replay([Entry(Kind.NEWSLETTER, digest, utcnow())])

    assert db.session.query(Newsletter).count() == db.session.query(Recipient).count() == 0


def test_nothing_is_replayed_for_an_installation_that_is_new_or_lost_its_redis(app: Flask) -> None:
    make_recipient()
    assert looking.look() is None
    looking.keep()
    queues.redis().flushall()

    assert looking.look() is None
