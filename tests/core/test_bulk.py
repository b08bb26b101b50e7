"""Rows that travel by COPY: the same values arrive, and those that clash are passed over."""

import pytest
from flask import Flask
from psycopg.errors import UniqueViolation

from newsletter.core import bulk
from newsletter.core.db import db
from newsletter.staff.models import ApiToken

COLUMNS = ("name", "digest")


def stored() -> dict[str, bytes]:
    return {token.name: token.digest for token in db.session.query(ApiToken)}


def test_values_arrive_as_they_were(app: Flask) -> None:
    rows = {"a\tb\nc\\N\\.": b"\0\xff\\", "": b"", "ä€": b"\\x00"}

    bulk.copy(ApiToken, COLUMNS, rows.items())
    db.session.commit()

    assert stored() == rows


def test_rows_that_clash_are_passed_over_and_the_others_are_named(app: Flask) -> None:
    bulk.copy(ApiToken, COLUMNS, [("there", b"1")])

    added = bulk.copy_new(ApiToken, COLUMNS, [("there", b"2"), ("new", b"3"), ("twice", b"4"), ("twice", b"5")], "name")
    again = bulk.copy_new(ApiToken, COLUMNS, [("new", b"6")], "name")
    db.session.commit()

    assert (sorted(added), again) == (["new", "twice"], [])
    assert stored() == {"there": b"1", "new": b"3", "twice": b"4"}


def test_without_that_a_clash_fails_them_all(app: Flask) -> None:
    with pytest.raises(UniqueViolation):
        bulk.copy(ApiToken, COLUMNS, [("a", b"1"), ("a", b"2")])
    db.session.rollback()

    assert stored() == {}
