"""How many sign-ups are arriving, counted in Redis for minutes: calm, pressed, or braked (see `brake`).

Redis may be lost or away: the form then takes itself for calm. What holds without it is that one address is mailed
once a day (`restraint`), and the limit per network, which every process then counts alone.
"""

import logging
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from flask import Flask, current_app
from redis import RedisError
from redis.client import Pipeline

from newsletter.core import queues

log = logging.getLogger(__name__)

EXTENSION = "newsletter-pressure"
BRAKE = "newsletter:signups:brake"
KEPT_SECONDS = 150
LOOK_SECONDS = 2.0
"""For how long a page shows what was seen before: anybody may ask for the form, as often as they like."""
AWAY_SECONDS = 5.0
"""For how long nobody waits for a Redis that was away."""


class Level(IntEnum):
    """What a sign-up is asked for: nothing, a proof of work, a larger one."""

    CALM = 0
    PRESSED = 1
    BRAKED = 2


TRICKLE = {Level.CALM: (30, 120), Level.PRESSED: (30, 120), Level.BRAKED: (6, 30)}
"""How many sign-ups without a proof pass in a minute, from one network and from everywhere."""


@dataclass
class State:
    """What this process has seen, by its monotonic clock."""

    level: Level = Level.CALM
    seen_at: float = -LOOK_SECONDS
    away_until: float = 0.0


def init_app(app: Flask) -> None:
    """Start out calm."""
    app.extensions[EXTENSION] = State()


def is_off() -> bool:
    """Return whether sign-ups are not limited at all (`SIGNUPS_PER_MINUTE=0`)."""
    return not current_app.config["SIGNUPS_PER_MINUTE"]


def arrive() -> Level:
    """Count a sign-up, in one round trip, and return how things stand."""
    now = _minute()

    def ask(pipe: "Pipeline") -> None:
        pipe.incr(_key(now))
        pipe.expire(_key(now), KEPT_SECONDS)
        _look(pipe, now)

    return _judge(_ask(ask))


def level() -> Level:
    """Return how things stand, as seen within the last seconds. For pages that show the form."""
    state = _state()
    if is_off():
        return Level.CALM
    if time.monotonic() - state.seen_at < LOOK_SECONDS:
        return state.level
    return _judge(_ask(lambda pipe: _look(pipe, _minute())))


def trickle(network: str, at: Level) -> bool:
    """Count a sign-up that shows no proof; return whether it is among the few that pass."""
    each = [f"{_key(_minute())}:unproven:{network}", f"{_key(_minute())}:unproven"]

    def ask(pipe: "Pipeline") -> None:
        for key in each:
            pipe.incr(key)
            pipe.expire(key, 60)

    counted = _ask(ask)
    return not counted or all(int(n) <= most for n, most in zip(counted[::2], TRICKLE[at], strict=True))


def first_use(nonce: str, seconds: int) -> bool:
    """Return whether nobody has shown this before; it is remembered for `seconds`."""
    taken = _ask(lambda pipe: pipe.set(f"newsletter:proof:{nonce}", 1, nx=True, ex=seconds))
    return not taken or bool(taken[0])


def _look(pipe: "Pipeline", minute: int) -> None:
    pipe.mget(_key(minute), _key(minute - 1), BRAKE)


def _judge(answers: list[Any]) -> Level:
    state = _state()
    state.seen_at = time.monotonic()
    this, last, brake = answers[-1] if answers else (None, None, None)
    pressed = max(int(this or 0), int(last or 0)) > current_app.config["SIGNUPS_PRESSURE"]
    state.level = Level.BRAKED if brake else Level.PRESSED if pressed else Level.CALM
    return state.level


def _ask(ask: Any) -> list[Any]:
    """Return what Redis answers, or nothing when it is away."""
    state = _state()
    if time.monotonic() < state.away_until:
        return []
    try:
        with queues.redis().pipeline(transaction=False) as pipe:
            ask(pipe)
            return list(pipe.execute())
    except RedisError as error:
        log.warning("sign-ups are not counted: Redis is away (%s)", type(error).__name__)
        state.away_until = time.monotonic() + AWAY_SECONDS
        return []


def _state() -> State:
    state: State = current_app.extensions[EXTENSION]
    return state


def _minute() -> int:
    return int(time.time() // 60)


def _key(minute: int) -> str:
    return f"newsletter:signups:{minute}"
