"""How many sign-ups are arriving, counted for minutes: calm, pressed, or braked (see `brake`).

From everywhere and from each network, in one round trip: a person waits meanwhile. Redis may be lost or away: the form
then takes itself for calm. What holds without it is that one address is mailed once a day (`restraint`), and the limit
per network, which every process then counts alone.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from flask import Flask, current_app
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from newsletter.optin import tally

EXTENSION = "newsletter-pressure"
BRAKE = "newsletter:signups:brake"
KEPT_SECONDS = 150
LOOK_SECONDS = 2.0
"""For how long a page shows what was seen before: anybody may ask for the form, as often as they like."""


class Level(IntEnum):
    """What a sign-up is asked for: nothing, a proof of work, a larger one."""

    CALM = 0
    PRESSED = 1
    BRAKED = 2


TRICKLE = {Level.CALM: (30, 120), Level.PRESSED: (30, 120), Level.BRAKED: (6, 30)}
"""How many sign-ups without a proof pass in a minute, from one network and from everywhere."""


class Arrival(NamedTuple):
    """How things stand when a sign-up arrives, and whether its network has had its share of this minute."""

    level: Level
    too_many: bool


@dataclass
class State:
    """What this process has seen, by its monotonic clock, and what it counts while Redis is away."""

    level: Level = Level.CALM
    seen_at: float = -LOOK_SECONDS
    alone: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))


def init_app(app: Flask) -> None:
    """Start out calm."""
    app.extensions[EXTENSION] = State()


def is_off() -> bool:
    """Return whether sign-ups are not limited at all (`SIGNUPS_PER_MINUTE=0`)."""
    return not current_app.config["SIGNUPS_PER_MINUTE"]


@contextmanager
def arriving(network: str) -> Iterator[Callable[[], Arrival]]:
    """Count a sign-up, from everywhere and from its network, while its entries are read.

    What is yielded waits for the count and returns how things stand.
    """
    if is_off():
        yield lambda: Arrival(Level.CALM, too_many=False)
        return
    now = _minute()
    keys = {f"{_key(now)}:from:{network}": 60, _key(now): KEPT_SECONDS}
    with tally.counting(keys, _key(now - 1), BRAKE) as answer:
        yield lambda: _arrived(network, answer())


def _arrived(network: str, counted: list[int]) -> Arrival:
    most = current_app.config["SIGNUPS_PER_MINUTE"]
    passes = counted[0] <= most if counted else _state().alone.hit(RateLimitItemPerMinute(most), network)
    return Arrival(_judge(counted[1:]), too_many=not passes)


def level() -> Level:
    """Return how things stand, as seen within the last seconds. For pages that show the form."""
    state = _state()
    if is_off():
        return Level.CALM
    if time.monotonic() - state.seen_at < LOOK_SECONDS:
        return state.level
    now = _minute()
    return _judge(tally.count({}, _key(now), _key(now - 1), BRAKE))


def trickle(network: str, at: Level) -> bool:
    """Count a sign-up that shows no proof; return whether it is among the few that pass."""
    key = f"{_key(_minute())}:unproven"
    counted = tally.count({f"{key}:{network}": 60, key: 60})
    return all(number <= most for number, most in zip(counted, TRICKLE[at], strict=bool(counted)))


def _judge(counted: list[int]) -> Level:
    """Return how things stand by what this minute and the last one have had, and by the brake."""
    state = _state()
    state.seen_at = time.monotonic()
    this, last, brake = counted or (0, 0, 0)
    pressed = max(this, last) > current_app.config["SIGNUPS_PRESSURE"]
    state.level = Level.BRAKED if brake else Level.PRESSED if pressed else Level.CALM
    return state.level


def _state() -> State:
    state: State = current_app.extensions[EXTENSION]
    return state


def _minute() -> int:
    return int(time.time() // 60)


def _key(minute: int) -> str:
    return f"newsletter:signups:{minute}"
