"""The pixel and the redirect, as mail programs, scanners and attackers meet them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from unittest import mock

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from newsletter.config import Settings
from newsletter.core import public_ids
from newsletter.core.db import db, utcnow
from newsletter.demo.services import free_port
from newsletter.tracking import targets
from newsletter.tracking.measurement import CAMPAIGN
from newsletter.tracking.models import MeasurementKey
from newsletter.tracking.targets import KNOWN_SECONDS
from newsletter.tracking.tracker import EXTENSION, tracker
from tests.outages import counting_queries, database_away
from tests.tracking.measured import URLS, count, make_measured, open_and_click

WITH_FIXTURES = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)


def facts(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.data, sorted(answer.headers)


def test_the_pixel_is_a_gif_of_43_octets_that_nobody_stores(app: Flask, client: FlaskClient) -> None:
    answer = client.get(make_measured().pixel(1))

    assert (answer.status_code, answer.mimetype, len(answer.data)) == (200, "image/gif", 43)
    assert answer.data.startswith(b"GIF89a\1\0\1\0")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_click_leads_to_what_staff_saved(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()

    for _time in ("asking the database", "from memory"):
        answer = client.get(measured.link(1, 2))
        assert (answer.status_code, answer.headers["Location"]) == (302, URLS[1])
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("query", ["?to=https://evil.example", "?url=//evil.example", "?1"])
def test_what_a_query_says_changes_nothing(app: Flask, client: FlaskClient, query: str) -> None:
    measured = make_measured()

    answers = [client.get(measured.link(1) + query) for _time in range(2)]

    assert [answer.headers["Location"] for answer in answers] == [URLS[0]] * 2


@WITH_FIXTURES
@given(
    tail=st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda raw: raw.decode("latin-1"))),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"]),
    start=st.sampled_from(["/c/", "/o/", "/c/{id}/", "/c/{id}", "/o/{id}", "/c/{campaign}-", "/c//evil.example/"]),
)
def test_no_path_whatsoever_breaks_anything_or_leads_astray(
    app: Flask, client: FlaskClient, tail: str, method: str, start: str
) -> None:
    measured = app.extensions.get("the test's campaign") or make_measured()
    app.extensions["the test's campaign"] = measured
    mid = measured.ids.spell(1)

    path = start.format(id=mid, campaign=mid.partition("-")[0]) + tail
    answer = client.open("/", method=method, environ_overrides={"PATH_INFO": path.encode().decode("latin-1")})

    assert answer.status_code < 500
    assert answer.headers.get("Location") in {None, *URLS}


@pytest.mark.parametrize("bent", ["/c/{}/3", "/c/{}/0", "/c/{}/01", "/c/{}/-1", "/c/{}/x", "/c/x{}/1", "/c/nothing/1"])
def test_whatever_is_wrong_with_a_link_gets_one_answer(app: Flask, client: FlaskClient, bent: str) -> None:
    path, other = bent.format(make_measured().ids.spell(1)), "/c/zzzzzz/9"

    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.text.replace(path, other) == client.get(other).text


@pytest.mark.parametrize("mid", ["x", "nothing-atall", "-", "%00%ff-%fe", "a" * 3000, "a-" + "b" * 3000])
def test_the_pixel_looks_the_same_for_whatever_id(app: Flask, client: FlaskClient, mid: str) -> None:
    right = client.get(make_measured().pixel(1))

    assert facts(client.get(f"/o/{mid}.gif")) == facts(right)


PREFETCHES = (
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
)


def test_head_and_prefetch_are_answered_alike_and_not_counted(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(1))

    for path in (measured.pixel(1), measured.link(1)):
        answer = client.get(path)
        for _time in range(100):
            head = client.head(path)
        assert (head.status_code, head.data, head.headers) == (answer.status_code, b"", answer.headers)
        for headers in PREFETCHES:
            assert facts(client.get(path, headers=headers)) == facts(answer)
    count()

    assert measured.totals() == {0: (2, 2), 1: (2, 2), -1: (2, 2)}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_told_which_there_are(app: Flask, client: FlaskClient, method: str) -> None:
    measured = make_measured()

    answers = [client.open(path, method=method) for path in (measured.pixel(1), measured.link(1))]

    for answer in answers:
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    assert count() == 0


def test_answers_are_the_same_when_redis_is_down(
    app: Flask, client: FlaskClient, settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    measured = make_measured()
    without_redis = make_app(settings | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})

    paths = [measured.pixel(1), measured.link(1), measured.link(1)]
    answers = [facts(without_redis.test_client().get(path)) for path in paths]

    assert answers == [facts(client.get(path)) for path in paths]
    notes = without_redis.extensions[EXTENSION].notes
    assert not notes.flush()
    assert len(notes) == 3


def test_known_campaigns_lead_on_while_the_database_is_down(app: Flask, client: FlaskClient, database_url: str) -> None:
    known, unknown = make_measured(), make_measured()
    open_and_click(client, known, range(1))
    paths = [known.link(1), known.pixel(1), unknown.pixel(1), unknown.link(1)]

    with database_away(database_url):
        now = [client.get(path).status_code for path in paths]
        with time_machine.travel(time.time() + KNOWN_SECONDS + 1):
            later = [client.get(path).status_code for path in paths]

    assert now == later == [302, 200, 200, 503]
    count()
    assert known.totals() == {0: (2, 3), 1: (2, 3), -1: (2, 3)}
    assert unknown.totals() == {0: (1, 2)}


def test_when_the_window_has_ended_links_lead_on_and_nothing_is_noted(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    db.session.execute(update(MeasurementKey).values(ends_at=utcnow() - timedelta(minutes=1)))
    db.session.commit()

    answers = [client.get(measured.link(1)) for _time in range(3)]
    client.get(measured.pixel(1))

    assert [answer.headers["Location"] for answer in answers] == [URLS[0]] * 3
    assert len(tracker().notes) == 0


def test_a_host_beyond_ascii_is_spelled_by_idna_2008(app: Flask, client: FlaskClient) -> None:
    measured = make_measured(["https://straße.example/zähler?für=sie"])

    answer = client.get(measured.link(1))

    assert answer.headers["Location"] == "https://xn--strae-oqa.example/z%C3%A4hler?f%C3%BCr=sie"


def test_a_process_remembers_a_bounded_number_of_campaigns(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "MOST_CAMPAIGNS", 3)
    cache = targets.TargetCache()
    words = [make_measured().ids.prefix.removesuffix("-") for _number in range(5)]

    for word in words:
        cache.load(word)

    assert [cache.get(word) is not None for word in words] == [False, False, True, True, True]


def test_of_those_who_click_at_once_one_asks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, word = targets.TargetCache(), public_ids.spell(CAMPAIGN, 1)
    asked, answered, found = [], Event(), targets.Targets({}, 0.0, time.time() + 60)

    def read(campaign_id: int) -> targets.Targets:
        asked.append(campaign_id)
        answered.wait(0.2)
        return found

    def load(_number: int) -> targets.Targets:
        with app.app_context():
            return cache.load(word)

    monkeypatch.setattr(targets, "_read", read)
    with ThreadPoolExecutor(4) as visitors:
        learnt = list(visitors.map(load, range(4)))

    assert (asked, learnt) == ([1], [found] * 4)


def test_after_an_error_the_next_one_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, found = targets.TargetCache(), targets.Targets({}, 0.0, time.time() + 60)
    asking = mock.Mock(side_effect=[OperationalError(None, None, Exception()), found])
    monkeypatch.setattr(cache, "_ask", asking)

    with pytest.raises(OperationalError):
        cache.load("word")

    assert cache.load("word") is found


def test_an_unknown_campaign_is_asked_for_once(app: Flask, client: FlaskClient) -> None:
    word = public_ids.spell(CAMPAIGN, 999_999)
    client.get(f"/c/{word}-x/1")

    with counting_queries() as queries:
        answers = [client.get(f"/c/{mid}/1").status_code for mid in (f"{word}-x", "nothing-x", "%ff", word)]

    assert answers == [404] * 4
    assert queries == []
