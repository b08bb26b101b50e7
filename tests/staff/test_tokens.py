"""API tokens: shown once, stored as a digest, refused the moment they are revoked."""

import hashlib

import pytest
import time_machine
from flask import Flask

from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict, Invalid, NotFound
from newsletter.staff import audit, tokens
from newsletter.staff.models import ApiToken
from tests.outages import counting_queries


def stored(name: str) -> ApiToken:
    db.session.expire_all()
    return db.session.execute(db.select(ApiToken).where(ApiToken.name == name)).scalar_one()


def test_a_token_is_stored_as_its_digest_only(app: Flask) -> None:
    bearer = tokens.create("crm")

    token = stored("crm")
    assert bearer.startswith("nl_")
    assert len(bearer) == 3 + 43
    assert token.digest == hashlib.sha256(bearer.encode()).digest()
    assert bearer.encode() not in repr(vars(token)).encode()


def test_only_the_whole_token_is_let_in(app: Flask) -> None:
    bearer = tokens.create("crm")

    assert tokens.authenticate(bearer) == stored("crm")
    for wrong in ("", "nl_", bearer[:-1], bearer + "x", bearer.upper(), "ü", "\udc80", stored("crm").digest.hex()):
        assert tokens.authenticate(wrong) is None


def test_what_is_no_token_is_not_asked_for(app: Flask) -> None:
    with counting_queries() as queries:
        for shown in ("kim@example.org", "nl_kim@example.org", "nl_" + "@" * 43, "nl_" + "x" * 44):
            assert tokens.authenticate(shown) is None

    assert queries == []


def test_a_revoked_token_is_refused(app: Flask) -> None:
    bearer = tokens.create("crm")

    tokens.revoke(stored("crm").id)

    assert tokens.authenticate(bearer) is None
    with pytest.raises(NotFound):
        tokens.revoke(1)


def test_the_last_use_is_noted_at_most_once_a_minute(app: Flask) -> None:
    bearer = tokens.create("crm")
    assert stored("crm").last_used_at is None

    tokens.authenticate(bearer)
    first = stored("crm").last_used_at
    tokens.authenticate(bearer)
    assert first is not None
    assert stored("crm").last_used_at == first

    db.session.execute(db.text("UPDATE api_token SET last_used_at = now() - interval '61 seconds'"))
    db.session.commit()
    tokens.authenticate(bearer)
    later = stored("crm").last_used_at
    assert later is not None
    assert later >= first


def test_names_are_unique_and_readable(app: Flask) -> None:
    tokens.create("crm")

    with pytest.raises(Conflict):
        tokens.create(" crm ")
    for name in ("", "  ", "a\nb", "x" * 81):
        with pytest.raises(Invalid):
            tokens.create(name)


def test_what_a_token_does_is_noted_as_done_by_it(app: Flask) -> None:
    bearer = tokens.create("crm")
    with app.test_request_context():
        tokens.authenticate(bearer)
        audit.note("campaign.send", "News")

    latest = audit.latest()

    assert [(entry.actor, entry.action) for entry in latest] == [
        ("token crm", "campaign.send"),
        ("command line", "token.create"),
    ]
    assert abs((latest[0].at - utcnow()).total_seconds()) < 60


def test_a_clock_set_back_does_not_end_a_token(app: Flask) -> None:
    bearer = tokens.create("crm")

    with time_machine.travel("2001-01-01"):
        assert tokens.authenticate(bearer) is not None
