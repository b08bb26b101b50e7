"""Sizes follow the relay's speed, by a clock of the test's own."""

import time

import pytest

from newsletter.campaigns.pace import BATCH_SECONDS, FEWEST_PER_LINE, LARGEST, MOST_PER_LINE, WIRE_SECONDS, Pace

LINES = 4


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def _send(sizes: Pace, clock: Clock, rate: float, seconds: float) -> None:
    """Let mails get their fates for a while, with a turn twenty times a second, and a batch twice."""
    for step in range(int(seconds * 20)):
        clock.now += 0.05
        sizes.count += int(rate / 20)
        sizes.turn_begins()
        if step % 10 == 0:
            sizes.batch_begins()


@pytest.mark.parametrize(
    ("rate", "on_wire", "batch"),
    [
        (60, FEWEST_PER_LINE * LINES, 60 * BATCH_SECONDS),
        (400, 400 * WIRE_SECONDS, 400 * BATCH_SECONDS),
        (20_000, MOST_PER_LINE * LINES, LARGEST),
    ],
)
def test_sizes_are_so_much_time_s_work_between_their_bounds(
    clock: Clock, rate: float, on_wire: float, batch: float
) -> None:
    sizes = Pace(LINES)

    _send(sizes, clock, rate, 10)

    assert sizes.on_wire == pytest.approx(on_wire, rel=0.1)
    assert sizes.batch == pytest.approx(batch, rel=0.1)


def test_little_is_on_the_wire_before_the_relay_has_shown_what_it_can(clock: Clock) -> None:
    sizes = Pace(LINES)

    assert sizes.on_wire == FEWEST_PER_LINE * LINES
    clock.now += WIRE_SECONDS / 10
    sizes.count += 100
    sizes.turn_begins()
    assert sizes.on_wire == FEWEST_PER_LINE * LINES


def test_a_relay_that_becomes_slow_has_less_on_the_wire_within_a_second(clock: Clock) -> None:
    sizes = Pace(LINES)
    _send(sizes, clock, 20_000, 2)

    _send(sizes, clock, 60, 1)

    assert sizes.on_wire == FEWEST_PER_LINE * LINES
