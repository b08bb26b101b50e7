"""Counts in Redis while the caller does something else: nobody gets another's answer, and none is lost."""

from typing import Any

import pytest
from flask import Flask
from redis import Redis
from redis.connection import Connection
from redis.exceptions import ConnectionError as CutOff

from newsletter.core import queues
from newsletter.optin import tally


@pytest.mark.usefixtures("app")
def test_an_answer_nobody_waited_for_is_nobodys(redis_url: str) -> None:
    tally.count({"here": 60})  # so that there is a connection
    with Redis.from_url(redis_url) as redis:
        redis.client_pause(100)  # it answers when the next question is on its way already
        with tally.counting({"here": 60}, "there"):
            pass

        assert queues.redis().get("there") is None
        assert tally.count({"here": 60}, "there") == [3, 0]
        assert 50 < redis.ttl("here") <= 60


def test_who_is_cut_off_before_the_answer_asks_once_more(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    read, cut = Connection.read_response, iter([True])

    def cut_once(self: Connection, *args: Any, **kwargs: Any) -> Any:
        if next(cut, False):
            self.disconnect()
            raise CutOff
        return read(self, *args, **kwargs)

    with tally.counting({"here": 60}) as answer:
        monkeypatch.setattr(Connection, "read_response", cut_once)
        assert answer() == [2]
    assert app.extensions[tally.EXTENSION] == 0.0, "Redis was taken for away"
    assert tally.count({"here": 60}) == [3]


def test_a_reply_that_is_an_error_ends_nothing_but_the_counting(app: Flask, redis_url: str) -> None:
    queues.redis().set("here", "no number")
    with Redis.from_url(redis_url) as redis:
        before = redis.info("stats")["total_connections_received"]

        with tally.counting({"here": 60}, "there") as answer:
            assert answer() == []

        assert queues.redis().get("there") is None
        assert redis.info("stats")["total_connections_received"] == before, "it waited for one reply too many"
    assert app.extensions[tally.EXTENSION] > 0.0
