"""The pool: a connection that has died is noticed before it is used, and one that lives is not asked each time."""

import psycopg
import pytest
from sqlalchemy import text

from newsletter.core import pool
from newsletter.core.db import db

pytestmark = pytest.mark.usefixtures("app")


def backend() -> int:
    """Return which of the server's processes answers, and give the connection back."""
    pid: int = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    db.session.rollback()
    return pid


def test_a_connection_that_the_server_has_ended_is_not_used_again(database_url: str) -> None:
    before = backend()
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (before,))

    after = backend()

    assert after != before


def test_one_that_lives_is_used_again_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    before = backend()
    monkeypatch.setattr(pool, "_ping", asked.append)

    after = backend()

    assert (after, asked) == (before, [])


def test_the_one_used_last_is_used_first() -> None:
    with db.engine.connect() as early, db.engine.connect() as late:
        pids = [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in (early, late)]
        late.close()
        early.close()

    assert [backend(), backend()] == [pids[0], pids[0]]


def test_one_that_was_silent_for_long_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    before = backend()
    monkeypatch.setattr(pool, "_ping", asked.append)
    monkeypatch.setattr(pool, "SILENT_SECONDS", -1.0)

    after = backend()

    assert (after, len(asked)) == (before, 1)


def test_one_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    before = backend()
    monkeypatch.setattr(pool, "SILENT_SECONDS", -1.0)
    monkeypatch.setattr(pool, "_has_something_to_say", lambda _connection: False)
    with psycopg.connect(db.engine.url.set(drivername="postgresql").render_as_string(False)) as other:
        other.autocommit = True
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (before,))

    after = backend()

    assert after != before
