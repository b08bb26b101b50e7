"""Counts in Redis that the sign-up form can do without: Redis may be lost or away, and then nobody waits for it."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import cast

from flask import Flask, current_app
from redis import Redis, RedisError

from newsletter.core import queues

log = logging.getLogger(__name__)

EXTENSION = "newsletter-tally"
AWAY_SECONDS = 5.0
"""For how long nobody waits for a Redis that was away."""


def init_app(app: Flask) -> None:
    """Take Redis for there."""
    app.extensions[EXTENSION] = 0.0


def count(counted: Mapping[str, int], *others: str) -> list[int]:
    """Count keys, each kept for so many seconds, and return what they and the others hold, in one round trip.

    Returns nothing when Redis is away.
    """

    def ask(redis: Redis) -> object:
        with redis.pipeline(transaction=False) as pipe:
            for key, seconds in counted.items():
                pipe.incr(key)
                pipe.expire(key, seconds)
            pipe.mget(*counted, *others)
            return pipe.execute()[-1]

    return [int(number or 0) for number in cast(list[bytes | None], _ask(ask))]


def first_use(key: str, seconds: int) -> bool:
    """Return whether nobody has used this before; it is remembered for `seconds`. Always so when Redis is away."""
    taken = _ask(lambda redis: [redis.set(key, 1, nx=True, ex=seconds)])
    return not taken or bool(taken[0])


def _ask(command: Callable[[Redis], object]) -> list[object]:
    """Return what Redis answers, or nothing when it is away."""
    if time.monotonic() < current_app.extensions[EXTENSION]:
        return []
    try:
        return cast(list[object], command(queues.redis()))
    except RedisError as error:
        log.warning("sign-ups are not counted: Redis is away (%s)", type(error).__name__)
        current_app.extensions[EXTENSION] = time.monotonic() + AWAY_SECONDS
        return []
