"""The command line: what goes to standard output, what to standard error, and the exit codes."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import text

from newsletter.core import periodic
from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.optin import offers
from newsletter.optin import service as optin
from newsletter.privacy.models import Receipt
from newsletter.recipients.admission import find
from newsletter.recipients.models import Recipient
from newsletter.staff import tokens
from newsletter.staff.models import Staff
from newsletter.staff.trail import AuditEntry
from tests.factories import make_newsletter, make_recipient
from tests.sink import Sink

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = "Auf dem Stadtfest 2025 unterschrieben, Ordner 7."
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(env: dict[str, str]) -> Call:
    """Run `python -m newsletter` as a process of its own, with nothing on its standard input."""

    def run(*arguments: str, env: dict[str, str] = env) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "newsletter", *arguments]
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, input="", check=False)

    return run


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def run(runner: FlaskCliRunner, *arguments: str) -> Result:
    result = runner.invoke(args=list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    db.session.rollback()
    return result


def test_help_needs_no_settings_and_names_every_command(call: Call) -> None:
    done = call("--help", env={})

    assert done.returncode == 0
    for command in ("backup", "db", "demo", "doctor", "export", "forget", "import", "proof", "staff", "token"):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE), command
    assert "--app" not in done.stdout
    assert done.stderr == ""


def test_a_missing_setting_is_exit_code_2_and_one_message(call: Call, env: dict[str, str]) -> None:
    done = call("token", "create", "ci", env=env | {"SECRET_KEY": "short", "MAIL_PORT": "many", "REDIS_URL": ""})

    assert done.returncode == 2
    assert done.stdout == ""
    for name in ("SECRET_KEY", "MAIL_PORT", "REDIS_URL"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_the_database_is_migrated_by_command_and_nothing_else_is_said(call: Call) -> None:
    done = call("db", "upgrade")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_token_stands_alone_on_standard_output_and_works(app: Flask, call: Call) -> None:
    done = call("token", "create", "ci")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert tokens.authenticate(done.stdout.strip()) is not None


def test_a_database_that_is_away_is_one_clear_line(call: Call, env: dict[str, str]) -> None:
    done = call("token", "list", env=env | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})

    assert (done.returncode, done.stdout) == (1, "")
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_without_tables_says_how_to_make_them(call: Call, env: dict[str, str]) -> None:
    done = call("token", "list", env=env | {"DATABASE_URL": env["DATABASE_URL"].rpartition("/")[0] + "/postgres"})

    assert done.returncode == 1
    assert "newsletter db upgrade" in done.stderr


def test_an_import_and_an_export_work_as_processes(app: Flask, call: Call, tmp_path: Path) -> None:
    slug = make_newsletter().slug
    path = tmp_path / "people.csv"
    path.write_bytes("email;first_name\r\na@example.org;Zoë\r\nwrong\r\n".encode())

    brought = call("import", str(path), "--newsletter", slug, "--consent", EVIDENCE)
    without = call("import", str(path), "--newsletter", slug)
    taken = call("export", "--newsletter", slug)

    assert (brought.returncode, brought.stdout) == (1, "1\n")
    assert "line 3" in brought.stderr
    assert (without.returncode, without.stdout) == (2, "")
    assert "--consent" in without.stderr
    assert taken.returncode == 0
    rows = list(csv.DictReader(io.StringIO(taken.stdout)))
    assert [(row["email"], row["first_name"]) for row in rows] == [("a@example.org", "Zoë")]


def test_an_account_is_made_and_only_its_login_printed(runner: FlaskCliRunner, app: Flask) -> None:
    result = run(runner, "staff", "create", "Admin@Example.org", "--role", "admin")

    assert result.exit_code == 0
    assert re.fullmatch(rf"{re.escape(app.config['PUBLIC_URL'])}/staff/\S+\n", result.stdout)
    account = db.session.query(Staff).one()
    assert (account.email, [role.name for role in account.roles]) == ("admin@example.org", ["admin"])
    assert app.test_client().get(result.stdout.strip()).status_code == 200


def test_a_lost_login_is_made_anew(runner: FlaskCliRunner) -> None:
    first = run(runner, "staff", "create", "a@example.org", "--role", "marketing")

    again = run(runner, "staff", "link", "A@example.org")
    unknown = run(runner, "staff", "link", "b@example.org")

    assert (first.exit_code, again.exit_code, unknown.exit_code) == (0, 0, 2)
    assert again.stdout.startswith("http")
    assert run(runner, "staff", "list").stdout == "a@example.org\tmarketing\topen\n"


def test_wrong_calls_are_exit_code_2_and_print_nothing(runner: FlaskCliRunner, tmp_path: Path) -> None:
    slug = make_newsletter().slug
    path = tmp_path / "people.csv"
    path.write_text("email\n")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    run(runner, "staff", "create", "taken@example.org", "--role", "admin")
    run(runner, "token", "create", "taken")
    wrong = [
        ["nonsense"],
        ["staff", "create", "a@example.org"],
        ["staff", "create", "a@example.org", "--role", "boss"],
        ["staff", "create", "nobody", "--role", "admin"],
        ["staff", "create", "TAKEN@example.org", "--role", "admin"],
        ["token", "create"],
        ["token", "create", " "],
        ["token", "create", "taken"],
        ["token", "revoke", "unknown"],
        ["import", str(path), "--newsletter", "unknown", "--consent", "x"],
        ["import", str(path), "--newsletter", slug, "--consent", " "],
        ["import", str(path), "--consent", "x"],
        ["import", str(empty), "--newsletter", slug, "--consent", "x"],
        ["import", str(tmp_path / "missing.csv"), "--newsletter", slug, "--consent", "x"],
        ["import", str(tmp_path), "--newsletter", slug, "--consent", "x"],
        ["export", "--newsletter", "unknown"],
        ["export", "--newsletter", slug, "--format", "xml"],
        ["forget", "nobody"],
        ["forget"],
        ["proof", "a@example.org, b@example.org"],
    ]

    for arguments in wrong:
        result = run(runner, *arguments)

        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert result.stderr.strip(), arguments


def test_tokens_are_listed_and_revoked(runner: FlaskCliRunner) -> None:
    bearer = run(runner, "token", "create", "ci").stdout.strip()

    listed = run(runner, "token", "list")
    revoked = run(runner, "token", "revoke", "ci")

    assert listed.stdout.startswith("ci\t")
    assert bearer not in listed.output
    assert revoked.exit_code == 0
    assert tokens.authenticate(bearer) is None


def test_an_import_says_what_became_of_the_rows_and_never_an_address(runner: FlaskCliRunner, tmp_path: Path) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "canary-there@example.org")
    path = tmp_path / "people.csv"
    path.write_text(
        "email,salutation\ncanary@example.org,ms\ncanary-there@example.org,\ncanary-wrong@example.org,sir\n"
    )

    result = run(runner, "import", str(path), "--newsletter", newsletter.slug, "--consent", EVIDENCE)

    assert (result.exit_code, result.stdout) == (1, "1\n")
    assert "1 imported, 1 subscribed already" in result.stderr
    assert "line 4: salutation" in result.stderr
    assert "canary" not in result.output


def test_an_import_without_a_wrong_line_is_exit_code_0(runner: FlaskCliRunner, tmp_path: Path) -> None:
    newsletter = make_newsletter()
    path = tmp_path / "people.csv"
    path.write_text("email\na@example.org\na@example.org\n")

    result = run(runner, "import", str(path), "--newsletter", newsletter.slug, "--consent", EVIDENCE)

    assert (result.exit_code, result.stdout) == (0, "1\n")


def test_an_export_as_json_is_json(runner: FlaskCliRunner) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "a@example.org")

    result = run(runner, "export", "--newsletter", newsletter.slug, "--format", "json")

    assert [row["email"] for row in json.loads(result.stdout)] == ["a@example.org"]


def test_forgetting_erases_everywhere_and_prints_how_many(runner: FlaskCliRunner) -> None:
    one, other = make_newsletter(), make_newsletter()
    for newsletter in (one, other):
        make_recipient(newsletter, "canary@example.org")
        make_recipient(newsletter, "stays@example.org")
    third = make_newsletter()
    optin.request(
        offers.remembered(third.slug), optin.entered({"email": "Canary@example.org"}), language="de", source="page"
    )
    optin.request(
        offers.remembered(third.slug), optin.entered({"email": "stays@example.org"}), language="de", source="page"
    )

    result = run(runner, "forget", "CANARY@example.org")
    again = run(runner, "forget", "canary@example.org")

    assert (result.exit_code, result.stdout) == (0, "3\n")
    assert (again.exit_code, again.stdout) == (0, "0\n")
    assert "canary" not in result.output.lower()
    assert db.session.query(Recipient).count() == 2
    assert db.session.query(OutboxMail).count() == 1
    assert find(one.id, "canary@example.org") is None
    assert {receipt.close_reason for receipt in db.session.query(Receipt) if receipt.closed_at} == {"request"}


def test_waiting_mail_that_can_not_be_opened_is_left_alone(app: Flask) -> None:
    db.session.add(OutboxMail(job="x", sealed=b"not sealed by us"))
    db.session.commit()

    assert outbox.drop_mail_with("a@example.org") == 0


def test_a_proof_holds_the_words_and_the_times(runner: FlaskCliRunner) -> None:
    newsletter = make_newsletter(consent_text="Ja, ich will.")
    make_recipient(newsletter, "a@example.org")

    result = run(runner, "proof", "A@example.org")

    assert result.exit_code == 0
    for part in (newsletter.slug, "Ja, ich will.", "Agreed", "Z (", "by an act on the page", "is as it was written"):
        assert part in result.stdout, part


def test_a_proof_outlives_the_address(runner: FlaskCliRunner) -> None:
    make_recipient(make_newsletter(), "a@example.org")
    run(runner, "forget", "a@example.org")

    result = run(runner, "proof", "a@example.org")

    assert result.exit_code == 0
    assert "(request); the receipt is kept until" in result.stdout


def test_no_proof_is_a_finding(runner: FlaskCliRunner) -> None:
    result = run(runner, "proof", "a@example.org")

    assert (result.exit_code, result.stdout) == (1, "")


def test_what_commands_do_is_in_the_audit_trail_without_addresses(runner: FlaskCliRunner, tmp_path: Path) -> None:
    slug = make_newsletter().slug
    path = tmp_path / "people.csv"
    path.write_text("email\ncanary@example.org\n")

    run(runner, "import", str(path), "--newsletter", slug, "--consent", EVIDENCE)
    run(runner, "export", "--newsletter", slug)
    run(runner, "forget", "canary@example.org")

    entries = db.session.query(AuditEntry).order_by(AuditEntry.id).all()
    assert [entry.action for entry in entries] == ["recipients.import", "recipients.export", "recipients.forget"]
    assert {entry.actor for entry in entries} == {"command line"}
    assert not [entry for entry in entries if "canary" in entry.subject]


def test_the_doctor_says_what_it_looked_at(runner: FlaskCliRunner) -> None:
    result = run(runner, "doctor")

    # There is no worker beside this test.
    assert result.exit_code == 1
    for part in ("settings", "PUBLIC_URL", "database: PostgreSQL", "tables: revision", "Redis", "queues", "relay"):
        assert re.search(rf"^ok +{part}", result.stdout, re.MULTILINE), part
    assert re.findall("^FINDING +(.*?):", result.stdout, re.MULTILINE) == ["worker"]


def test_the_doctor_sees_a_worker_where_readyz_does(runner: FlaskCliRunner) -> None:
    for _time in range(2):
        periodic.take("drain events", timedelta(seconds=2))

    result = run(runner, "doctor")

    assert result.exit_code == 0, result.stdout
    assert re.search("^ok +worker: at work", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("statement", ["UPDATE alembic_version SET version_num = '0000'", "DROP TABLE alembic_version"])
def test_the_doctor_finds_tables_of_another_version(runner: FlaskCliRunner, statement: str) -> None:
    db.session.execute(text(statement))
    db.session.commit()

    result = run(runner, "doctor")

    assert result.exit_code == 1
    assert re.findall("^FINDING +(.*?):.*newsletter db upgrade", result.stdout, re.MULTILINE) == ["tables"]


def test_the_doctor_finds_a_relay_that_refuses(runner: FlaskCliRunner, sink: Sink) -> None:
    sink.refuse("554 5.3.2 not now", phase="CONNECT")

    result = run(runner, "doctor")

    assert result.exit_code == 1
    assert re.search("^FINDING +relay", result.stdout, re.MULTILINE)


def test_the_doctor_finds_what_is_away(call: Call, env: dict[str, str]) -> None:
    away = {
        "DATABASE_URL": "postgresql://nobody:geheim@127.0.0.1:1/none",
        "REDIS_URL": "redis://:geheim@127.0.0.1:1/0",
        "MAIL_PORT": "1",
        "PUBLIC_URL": "http://news.example.org",
    }

    done = call("doctor", env=env | away)

    assert done.returncode == 1
    assert re.findall("^FINDING +(.*?):", done.stdout, re.MULTILINE) == ["PUBLIC_URL", "database", "Redis", "relay"]
    assert "geheim" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
