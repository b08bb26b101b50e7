"""Restoring a backup: who has left since is gone before anyone answers, and nobody is mailed twice."""

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import flask_migrate
import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select, text

from newsletter.campaigns import faults, service
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.journal import marks
from newsletter.mail import address
from newsletter.privacy import chain, verifying
from newsletter.privacy.models import Receipt
from newsletter.recipients import erasing, forgetting, links
from newsletter.recipients.models import Recipient
from newsletter.recovery import replaying
from tests.factories import make_campaign, make_newsletter, make_recipient
from tests.procfile import Processes
from tests.recovery.conftest import Call, programs
from tests.sink import Sink

LEAVE, STAY = 100, 30


def email_of(recipient: Recipient) -> str:
    return address.unseal(recipient.address_sealed or b"")


def leave_in_every_way(app: Flask, leaving: list[Recipient]) -> None:
    """Leave by one click, on the page, as a bounce, at request."""
    client = app.test_client()
    for number, recipient in enumerate(leaving):
        key, email = recipient.link_key, email_of(recipient)
        if number % 4 == 0:
            client.post(f"/u/{links.unsubscribe_token(key)}", data={"List-Unsubscribe": "One-Click"})
        elif number % 4 == 1:
            client.post(f"/u/{links.unsubscribe_token(key)}")
        elif number % 4 == 2:
            erasing.erase(key, None, "bounce")
        else:
            forgetting.forget(email)


@pytest.mark.timeout(180)
def test_a_backup_older_than_a_hundred_departures_mails_nobody_of_them_and_nobody_twice(
    app: Flask, sink: Sink, make_processes: Processes, call: Call, let_go: Callable[[], None], tmp_path: Path
) -> None:
    file = tmp_path / "old.dump"
    newsletter = make_newsletter(mails_per_second=10)
    people = [make_recipient(newsletter) for _person in range(LEAVE + STAY)]
    chain.link_new()
    campaign = make_campaign(newsletter)
    worker = make_processes.start("worker")
    service.send(campaign)
    sink.wait(10)
    call("backup", str(file))
    execute("UPDATE newsletter SET mails_per_second = NULL")
    sink.wait(LEAVE + STAY)
    leaving = people[:LEAVE]
    gone = {email_of(person) for person in leaving}
    leave_in_every_way(app, leaving)
    worker.ask_to_stop()
    worker.stop()
    let_go()

    restored = call("restore", str(file), "--yes")

    assert restored.stdout == f"{LEAVE}\n", restored.stderr
    left = set(map(email_of, db.session.execute(select(Recipient)).scalars()))
    assert left == {email for email in left if email not in gone}
    assert len(left) == STAY
    closed = select(Receipt.close_reason).where(Receipt.closed_at.is_not(None))
    assert Counter(db.session.execute(closed).scalars()) == {"restore": LEAVE}
    again = db.session.execute(select(Campaign)).scalar_one()
    assert (again.state, again.pause_reason) == (CampaignState.PAUSED, faults.RESTORED)
    before = counts(again.id)
    assert before["queued"] + before["claimed"] + before["deferred"] == 0
    assert before["in_doubt"] > 0
    make_processes.start("worker")
    service.resume(again)
    until_sent(again.id)
    assert max(Counter(mail.to[0] for mail in sink.mails).values()) == 1
    assert len(sink.mails) == LEAVE + STAY
    chain.link_new()
    assert list(verifying.problems()) == []


@pytest.fixture
def file(app: Flask, call: Call, tmp_path: Path) -> Path:
    """A backup of an installation with one recipient."""
    make_recipient()
    path = tmp_path / "one.dump"
    call("backup", str(path))
    return path


def test_a_restore_wants_nobody_at_work_and_a_word_of_consent(
    call: Call, file: Path, env: dict[str, str], let_go: Callable[[], None]
) -> None:
    let_go()
    with psycopg.connect(env["DATABASE_URL"], application_name="web"):
        refused = call("restore", str(file), "--yes", code=1)
    unasked = call("restore", str(file), code=2)

    assert "other connections to the database are open (web)" in refused.stderr
    assert "--yes" in unasked.stderr


FAILURES = {
    "psql in its last line": "echo 'SELECT 1 / 0;'",
    "pg_restore at its very end": "echo 'the disk is broken' >&2; exit 1",
}


@pytest.mark.parametrize("who", FAILURES)
def test_a_restore_that_fails_leaves_everything_as_it_was(
    app: Flask, let_go: Callable[[], None], pretend: Callable[[str, str], None], tmp_path: Path, who: str
) -> None:
    runner, file = FlaskCliRunner(app), str(tmp_path / "one.dump")
    make_recipient()
    runner.invoke(args=["backup", file])
    make_recipient()
    let_go()
    pretend("pg_restore", f'{programs()}/pg_restore "$@" || exit 1; case "$*" in *schema*) {FAILURES[who]};; esac')

    failed = runner.invoke(args=["restore", file, "--yes"])

    assert failed.exit_code == 1, failed.output
    assert "division by zero" in failed.stderr or "the disk is broken" in failed.stderr
    assert db.session.query(Recipient).count() == 2


def test_what_is_no_backup_or_only_half_of_one_is_refused(
    app: Flask, let_go: Callable[[], None], env: dict[str, str], tmp_path: Path
) -> None:
    runner, file, broken = FlaskCliRunner(app), tmp_path / "one.dump", tmp_path / "broken.dump"
    make_recipient()
    runner.invoke(args=["backup", str(file)])
    make_recipient()
    let_go()
    for octets in (b"", b"-- a script\n", file.read_bytes()[:5000], file.read_bytes()[:-200]):
        broken.write_bytes(octets)

        failed = runner.invoke(args=["restore", str(broken), "--yes"])

        assert failed.exit_code == 1, failed.output
        assert db.session.query(Recipient).count() == 2
        let_go()


def test_a_backup_of_a_newer_version_is_refused_and_one_of_an_older_is_migrated(
    app: Flask, env: dict[str, str], let_go: Callable[[], None], tmp_path: Path
) -> None:
    runner = FlaskCliRunner(app)
    newer, older = str(tmp_path / "newer.dump"), str(tmp_path / "older.dump")
    recipient = make_recipient()
    version = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    execute("UPDATE alembic_version SET version_num = '9999'")
    runner.invoke(args=["backup", newer])
    execute(f"UPDATE alembic_version SET version_num = '{version}'")
    flask_migrate.downgrade(revision="0010")
    subprocess.run(["pg_dump", "-Fc", "-f", older, env["DATABASE_URL"]], check=True)
    flask_migrate.upgrade()
    erasing.erase(recipient.link_key, None, "page")
    let_go()

    refused = runner.invoke(args=["restore", newer, "--yes"])
    restored = runner.invoke(args=["restore", older, "--yes"])

    assert (refused.exit_code, restored.exit_code) == (1, 0), refused.output + restored.output
    assert "newer version" in refused.stderr
    assert restored.stdout == "1\n"


def test_a_restore_that_was_killed_between_tables_and_journal_is_taken_to_its_end(
    app: Flask, file: Path, let_go: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = FlaskCliRunner(app)
    erasing.erase(db.session.query(Recipient).one().link_key, None, "page")
    let_go()

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(replaying, "replay", killed)
        runner.invoke(args=["restore", str(file), "--yes"])
    queues.redis().flushall()
    with pytest.raises(marks.Unfinished):
        marks.went_back()
    let_go()

    again = runner.invoke(args=["restore", str(file), "--yes"])

    assert again.exit_code == 0, again.output
    assert db.session.query(Recipient).count() == 0
    assert marks.went_back() is None


def execute(query: str) -> None:
    db.session.execute(text(query))
    db.session.commit()


def until_sent(campaign_id: int) -> None:
    """Return when the campaign has been sent to its end."""
    for _ in range(300):
        db.session.rollback()
        if db.session.get_one(Campaign, campaign_id).state == CampaignState.SENT:
            return
        db.session.execute(text("SELECT pg_sleep(0.1)"))
    raise AssertionError("the campaign does not come to its end")
