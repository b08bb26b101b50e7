"""Statements that go to the driver: a transaction each, and connections that come back as they were."""

import psycopg
import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError

from newsletter.core.db import db
from newsletter.core.driver import Statement, at_once
from tests.factories import make_newsletter
from tests.outages import database_away

PID = Statement("SELECT pg_backend_pid()")


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
