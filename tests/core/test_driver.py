"""Statements that go to the driver: a transaction each, and connections that come back as they were."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from unittest import mock

import psycopg
import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError

from newsletter.core import driver
from newsletter.core.db import db
from newsletter.core.driver import Connection, Statement, at_once
from tests.factories import make_newsletter
from tests.outages import database_away

PID = Statement("SELECT pg_backend_pid()")
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT pg_backend_pid()'"
MANY = 10
"""So often psycopg has executed a statement that it prepares it."""


def test_a_statement_is_committed_at_once_and_gives_its_first_row(app: Flask, database_url: str) -> None:
    newsletter_id = make_newsletter(title="Alt").id
    change = Statement("UPDATE newsletter SET title = :title WHERE id = :id RETURNING title")

    with at_once() as connection, psycopg.connect(database_url) as other:
        changed = change.on(connection, title="Neu: 100 %", id=newsletter_id)
        seen = other.execute("SELECT title FROM newsletter WHERE id = %s", (newsletter_id,)).fetchone()
        nobody = change.on(connection, title="Neu", id=0)
        nothing = Statement("SET statement_timeout = DEFAULT").on(connection)

    assert changed == seen == ("Neu: 100 %",)
    assert (nobody, nothing) == (None, None)


def test_an_expression_brings_its_own_values_along(app: Flask) -> None:
    statement = Statement(select(bindparam("one", 1), bindparam("two", type_=db.Integer)))

    with at_once() as connection:
        assert statement.on(connection, two=2) == (1, 2)


def test_a_connection_comes_back_as_it_was(app: Flask) -> None:
    with at_once() as connection:
        assert connection.autocommit
    with at_once() as again, pytest.raises(psycopg.errors.DivisionByZero):
        Statement("SELECT 1 / 0").on(again)

    of_the_session = db.session.connection()
    of_the_session.execute(select(1))

    assert of_the_session.connection.driver_connection is connection is again
    assert not connection.autocommit
    assert connection.info.transaction_status == TransactionStatus.INTRANS


def test_what_the_session_had_begun_is_committed_and_its_connection_free(app: Flask) -> None:
    newsletter = make_newsletter(title="Alt")
    slug, newsletter.title = newsletter.slug, "Neu"
    db.session.flush()

    with at_once() as connection:
        title = Statement("SELECT title FROM newsletter WHERE slug = :slug").on(connection, slug=slug)
        used = db.engine.pool.checkedout()  # type: ignore[attr-defined]

    assert (title, used) == (("Neu",), 1)


def test_a_connection_that_the_server_ended_is_not_used_again(app: Flask, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as other, pytest.raises(OperationalError) as kept:
        ended_while_in_use(other)

    with at_once() as fresh:
        assert PID.on(fresh) is not None
    assert kept.tb is not None  # nothing was given back only because nobody held it any more
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def ended_while_in_use(other: psycopg.Connection) -> None:
    """Use a connection whose end the `other` brought about."""
    with at_once() as connection:
        other.execute("SELECT pg_terminate_backend(%s)", PID.on(connection))
        PID.on(connection)


def test_a_database_that_is_away_is_the_same_error_as_everywhere(app: Flask, database_url: str) -> None:
    db.session.remove()

    with database_away(database_url), pytest.raises(OperationalError), at_once():
        pytest.fail("there is no connection")


def test_errors_of_other_kinds_are_the_drivers(app: Flask) -> None:
    slug = make_newsletter().slug
    twice = Statement(
        "INSERT INTO newsletter (slug, title, from_name, from_address) VALUES (:slug, 'x', 'x', 'a@example.org')"
    )

    with at_once() as connection, pytest.raises(psycopg.errors.UniqueViolation):
        twice.on(connection, slug=slug)


def test_values_of_all_kinds_arrive_as_they_are(app: Flask) -> None:
    moment = datetime(2026, 11, 27, 12, 30, 0, 123456, tzinfo=UTC)
    given = {
        "octets": b"\x00'\\",
        "words": "Zoë: 'x' %s $1",
        "number": 2**40,
        "moment": moment,
        "yes": True,
        "no": None,
    }
    kinds = {
        "octets": "bytea", "words": "text", "number": "bigint", "moment": "timestamptz", "yes": "boolean", "no": "text",
    }  # fmt: skip
    places = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in kinds.items())

    with at_once() as connection:
        assert Statement(f"SELECT {places}").on(connection, **given) == tuple(given.values())


def test_what_postgresql_has_no_text_for_is_refused_and_not_cut_off(app: Flask) -> None:
    with at_once() as connection, pytest.raises(psycopg.DataError):
        Statement("SELECT CAST(:words AS text)").on(connection, words="before\0behind")


def test_a_place_may_be_named_twice(app: Flask) -> None:
    with at_once() as connection:
        assert Statement("SELECT :one || :two || :one").on(connection, one="a", two="b") == ("aba",)


def test_a_statement_is_prepared_once(app: Flask) -> None:
    prepare = mock.Mock(wraps=PID._prepare)

    with at_once() as connection, mock.patch.object(PID, "_prepare", prepare):
        assert PID.on(connection) == PID.on(connection)
        assert connection.execute(PREPARED).fetchone() == (1,)

    assert prepare.call_count <= 1  # by an earlier test, if not here


def test_psycopg_may_let_go_of_all_that_is_prepared(app: Flask) -> None:
    with at_once() as connection:
        before = PID.on(connection)
    for _time in range(MANY):
        db.session.execute(select(1))
    db.session.rollback()

    with at_once() as connection:
        assert connection.execute(PREPARED).fetchone() == (0,)
        assert PID.on(connection) == PID.on(connection) == before
        assert connection.execute(PREPARED).fetchone() == (1,)


def test_a_statement_that_somebody_else_has_prepared_is_the_same_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_once() as connection:
        before = PID.on(connection)
        monkeypatch.setattr(driver, "_prepared", {})

        assert Statement("SELECT pg_backend_pid()").on(connection) == before


def test_other_threads_go_on_while_one_waits_for_the_database(app: Flask, database_url: str) -> None:
    with psycopg.connect(database_url) as other, at_once() as connection, ThreadPoolExecutor(1) as beside:
        other.execute("SELECT pg_advisory_lock(1)")
        waiting = beside.submit(_wait_for_the_lock, connection)
        while not (waiting.done() or _somebody_waits(other)):
            pass
        other.execute("SELECT pg_advisory_unlock(1)")

        assert waiting.result() == ("granted",)


def _wait_for_the_lock(connection: Connection) -> tuple[object, ...] | None:
    connection.execute("SET lock_timeout = '5s'")
    try:
        return Statement("SELECT 'granted' FROM pg_advisory_lock(1)").on(connection)
    finally:
        connection.execute("RESET lock_timeout")


def _somebody_waits(other: psycopg.Connection) -> bool:
    return other.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone() is not None
