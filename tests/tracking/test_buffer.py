"""The way from Redis to the tables: once, whoever dies, however many drain, whatever someone invents."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.tracking import buffer, counting, measurement
from newsletter.tracking.models import DrainedBatch, Event, MeasurementKey
from tests.tracking.measured import Measured, count, events, make_measured, open_and_click

HOUR = int(utcnow().timestamp()) // 3600


def note(measured: Measured, person: int, link: int = 0, hour: int = HOUR) -> str:
    campaign, recipient = measured.ids.spell(person).split("-")
    return f"{campaign} {link} {hour * counting.HOUR_MS} {recipient}"


def push(*notes: str) -> None:
    buffer.push(queues.redis(), notes, 0)


def test_a_person_counts_once_per_link_and_every_time_in_the_total(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()

    for _time in range(3):
        open_and_click(client, measured, range(4), number=1)
        count()
    open_and_click(client, measured, range(2, 6), number=2)
    count()

    assert measured.totals() == {0: (6, 16), 1: (4, 12), 2: (4, 4), -1: (6, 16)}
    assert queues.redis().keys("newsletter:events*") == []


def test_what_waited_long_stands_in_the_hour_it_happened_in(app: Flask) -> None:
    measured = make_measured()

    push(note(measured, 1, hour=HOUR - 5), note(measured, 1), note(measured, 2))
    buffer.drain(settle_seconds=0)

    hours = db.session.execute(select(Event.first_hour).order_by(Event.first_hour)).scalars().all()
    assert [int(hour.timestamp()) // 3600 for hour in hours] == [HOUR - 5, HOUR]
    assert measured.totals() == {0: (2, 3)}


def test_one_pseudonym_does_not_make_the_figures(app: Flask) -> None:
    measured = make_measured()

    for _batch in range(3):
        push(*[note(measured, 1)] * 40, note(measured, 2))
        buffer.drain(settle_seconds=0)

    assert measured.totals() == {0: (2, counting.MOST_PER_PERSON + 3)}


def lock(measured: Measured) -> None:
    """Let the campaign's key be sealed with a secret that nobody has here."""
    stranger = b"nobody has the key to this one, which is longer than the shortest"
    db.session.execute(
        update(MeasurementKey).where(MeasurementKey.campaign_id == measured.id).values(key_sealed=stranger)
    )
    db.session.commit()


def test_a_key_that_can_not_be_opened_holds_up_no_other_campaign(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    measured, locked = make_measured(), make_measured()
    lock(locked)

    for _drain in range(2):
        push(note(locked, 1), note(measured, 1))
        buffer.drain(settle_seconds=0)

    assert (measured.totals(), locked.totals()) == ({0: (1, 2)}, {})
    assert caplog.text.count("SECRET_KEY_FALLBACKS") == 1
    assert buffer.figures() == (0, 2, 0)


def test_invented_ids_are_counted_apart(app: Flask, client: FlaskClient) -> None:
    one, other = make_measured(), make_measured()
    campaign, recipient = one.ids.spell(1).split("-")

    for mid in (f"{campaign}-{recipient[::-1]}", f"{campaign}-x", other.ids.prefix + recipient, f"nothing-{recipient}"):
        assert client.get(f"/o/{mid}.gif").status_code == 200
    client.get(one.pixel(1))
    count()

    assert (one.totals(), other.totals()) == ({0: (1, 1)}, {})
    assert queues.redis().get(buffer.INVENTED) == b"4"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.tuples(*[st.one_of(st.integers(), st.text("abcXYZ019", max_size=30))] * 4).map(
                lambda parts: " ".join(map(str, parts))
            ),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_lies_in_the_buffer_does_not_stop_the_drain(app: Flask, rubbish: list[str]) -> None:
    measured = app.extensions.get("the test's campaign") or make_measured()
    app.extensions["the test's campaign"] = measured
    before = measured.totals().get(0, (0, 0))

    push(*rubbish, note(measured, 1))
    buffer.drain(settle_seconds=0)

    assert measured.totals()[0] == (1, min(before[1] + 1, counting.MOST_PER_PERSON))


DYING = """
import os, signal
from newsletter.app import create_app
from newsletter.tracking import buffer
with create_app().app_context():
    buffer._delete = lambda *_rest: os.kill(os.getpid(), signal.SIGKILL)
    buffer.drain(settle_seconds=0)
"""


def test_a_drain_that_is_killed_after_its_commit_counts_once(app: Flask, env: dict[str, str]) -> None:
    measured = make_measured()
    push(*[note(measured, person) for person in range(10)])

    died = subprocess.run([sys.executable, "-c", DYING], env=env, check=False, cwd=os.getcwd(), timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert measured.totals() == {0: (10, 10)}
    buffer.drain(settle_seconds=0)

    assert measured.totals() == {0: (10, 10)}
    assert queues.redis().keys("newsletter:events*") == []


def test_a_drain_that_fails_before_its_commit_is_done_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = make_measured()
    push(*[note(measured, person) for person in range(10)])
    with monkeypatch.context() as patch:
        patch.setattr(counting, "_write", lambda _seen: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            buffer.drain(settle_seconds=0)

    push(note(measured, 10))
    buffer.drain(settle_seconds=0)

    assert measured.totals() == {0: (11, 11)}


def test_several_drains_at_once_count_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "SLICE", 20)
    measured = make_measured()

    def work(_worker: int) -> int:
        with app.app_context():
            return sum(buffer.drain(settle_seconds=0) for _time in range(8))

    for round_ in range(3):
        push(*[note(measured, person) for person in range(round_ * 100, round_ * 100 + 100)])
        with ThreadPoolExecutor(4) as workers:
            read = sum(workers.map(work, range(4)))
        assert read == 100

    assert measured.totals() == {0: (300, 300)}
    assert queues.redis().keys("newsletter:events*") == []


def test_a_call_is_bounded_and_the_next_one_goes_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "SLICE", 10)
    measured = make_measured()
    push(*[note(measured, person) for person in range(75)])

    read = [buffer.drain(settle_seconds=0) for _time in range(3)]

    assert read == [50, 25, 0]
    assert measured.totals() == {0: (75, 75)}


def test_the_list_in_redis_is_bounded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "MOST_EVENTS", 3)

    for _time in range(2):
        push("a", "b", "c")

    assert queues.redis().llen(buffer.EVENTS) == 3
    assert queues.redis().get(buffer.DROPPED) == b"3"


def test_old_batches_are_forgotten_when_no_list_can_need_them(app: Flask) -> None:
    measured = make_measured()
    push(note(measured, 1))
    buffer.drain(settle_seconds=0)
    db.session.execute(update(DrainedBatch).values(drained_at=utcnow() - timedelta(days=2)))
    db.session.commit()

    push(note(measured, 2))
    buffer.drain(settle_seconds=0)

    assert buffer.forget_drained() == 1
    assert db.session.execute(select(func.count()).select_from(DrainedBatch)).scalar_one() == 1


def test_a_destroyed_key_ends_the_counting_and_its_figures_remain(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(6))
    count()
    before = measured.totals()

    open_and_click(client, measured, range(6, 9))
    measurement.forget_key(measured.id)
    db.session.commit()
    count()

    assert measured.totals() == before
    assert events() == 0


def test_only_ended_windows_are_forgotten(app: Flask) -> None:
    ended, open_ = make_measured(), make_measured()
    push(note(ended, 1), note(open_, 1))
    buffer.drain(settle_seconds=0)
    key = measurement.MeasurementKey
    db.session.execute(update(key).where(key.campaign_id == ended.id).values(ends_at=utcnow() - timedelta(seconds=1)))
    db.session.commit()

    forgotten = [measurement.forget_ended() for _time in range(2)]

    assert forgotten == [1, 0]
    assert events() == 1
    with pytest.raises(measurement.WindowEnded):
        measurement.MeasurementIds.for_campaign(ended.id)
    assert measurement.MeasurementIds.for_campaign(open_.id)
