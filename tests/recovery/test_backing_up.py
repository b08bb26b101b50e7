"""Making backups: whole or not at all, for nobody else to read, deleted when their time is up; clear when it fails."""

import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from newsletter.core.db import db, utcnow
from newsletter.journal import backups, files
from newsletter.journal.models import Backup
from newsletter.promises import data
from newsletter.recipients import erasing
from newsletter.recipients.models import Recipient
from newsletter.recovery import programs, restoring
from tests.factories import make_recipient


@pytest.fixture
def run(app: Flask, env: dict[str, str]) -> Callable[..., Result]:
    runner = FlaskCliRunner(app)
    return lambda *arguments: runner.invoke(args=[str(each) for each in arguments])


def test_a_backup_is_readable_for_its_owner_alone_and_noted(run: Callable[..., Result], tmp_path: Path) -> None:
    erasing.erase(make_recipient().link_key, None, "one_click")
    file = tmp_path / "one.dump"

    done = run("backup", file)

    assert done.exit_code == 0, done.output
    made = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert made == ["one.dump", "one.dump.journal"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("one*")} == {0o600}
    assert len(files.read(tmp_path / "one.dump.journal")) == 1
    assert db.session.query(Backup).one().path == str(file)
    restoring.check(file)


def test_a_backup_says_no_password_on_a_command_line_and_holds_no_address(
    run: Callable[..., Result], pretend: Callable[[str, str], None], app: Flask, tmp_path: Path
) -> None:
    recipient = make_recipient(email="canary@example.org")
    password = app.config["DATABASE_URL"].split(":")[2].split("@")[0]
    run("backup", tmp_path / "real.dump")
    text = programs.output("pg_restore", "--file=-", str(tmp_path / "real.dump"))
    assert recipient.link_key.hex() in text
    assert "canary" not in text
    pretend("pg_dump", f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/environment; echo dump')

    run("backup", tmp_path / "one.dump")

    assert password not in (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text()
    assert f"PGPASSWORD={password}" in environment
    assert "SECRET_KEY" not in environment


def test_what_exists_is_left_alone(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "one.dump"
    file.write_text("precious")

    done = run("backup", file)

    assert (done.exit_code, file.read_text()) == (1, "precious")
    assert "exists already" in done.stderr
    assert run("backup").exit_code == 2
    assert "can't be written" in run("backup", tmp_path / "nowhere" / "one.dump").stderr


FAILURES = {
    "pg_dump: error: aborting because of server version mismatch": "older than the server",
    "pg_dump: error: could not write to output file: No space left on device": "The disk is full",
    "pg_dump: error: connection to server failed": "connection to server failed",
}


@pytest.mark.parametrize("complaint", FAILURES)
def test_a_backup_that_fails_says_what_to_do_and_leaves_nothing(
    run: Callable[..., Result], pretend: Callable[[str, str], None], tmp_path: Path, complaint: str
) -> None:
    pretend("pg_dump", f"echo half; echo '{complaint}' >&2; exit 1")

    done = run("backup", tmp_path / "one.dump")

    assert done.exit_code == 1
    assert FAILURES[complaint] in done.stderr
    assert list(tmp_path.glob("one*")) == []
    assert db.session.query(Backup).count() == 0


def test_a_missing_program_is_named(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    done = run("backup", tmp_path / "one.dump")

    assert done.exit_code == 1
    assert "pg_dump is not installed here" in done.stderr


def test_pruning_deletes_what_is_too_old_and_nothing_else(
    run: Callable[..., Result], pretend: Callable[[str, str], None], tmp_path: Path
) -> None:
    pretend("pg_dump", "echo dump")
    run("backup", tmp_path / "new.dump")
    for name, age in (("old.dump", 36), ("young.dump", 34)):
        (tmp_path / name).write_text("dump")
        with (tmp_path / f"{name}.journal").open("w") as file:
            files.write(file, [], utcnow() - timedelta(days=age))
    (tmp_path / "other").write_text("not ours")

    done = run("backup", "--prune")

    assert done.exit_code == 0, done.output
    left = {path.name for path in tmp_path.iterdir() if path.is_file() and path.suffix != ".journal"}
    assert left == {"new.dump", "young.dump", "other"}
    assert not (tmp_path / "old.dump.journal").exists()


def test_the_promises_name_a_backup_that_is_too_old_and_say_what_they_cannot_see(
    run: Callable[..., Result], app: Flask
) -> None:
    backups.note(Path("/backups/one.dump"))
    assert not [found for found in data.no_longer_than_declared().found if "backup" in found]
    db.session.execute(db.text("UPDATE backup SET taken_at = now() - interval '38 days'"))

    check = data.no_longer_than_declared()

    assert "1 × backup older than BACKUP_KEEP_DAYS" in check.found
    assert any("oldest backup" in looked for looked in check.looked)
    assert "backups" in check.unseen


def test_the_journal_can_be_kept_anywhere_and_replayed_from_there(
    run: Callable[..., Result], let_go: Callable[[], None], tmp_path: Path
) -> None:
    leaver, _stayer = make_recipient(), make_recipient()
    run("backup", tmp_path / "one.dump")
    erasing.erase(leaver.link_key, None, "one_click")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text(run("journal", "--export").stdout)
    db.session.execute(db.text("DELETE FROM journal"))
    db.session.commit()
    let_go()
    (tmp_path / "one.dump.journal").unlink()
    assert run("journal").exit_code == 2

    restored = run("restore", tmp_path / "one.dump", "--yes", "--journal", elsewhere)

    assert restored.exit_code == 0, restored.output
    assert db.session.query(Recipient).count() == 1
