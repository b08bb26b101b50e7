"""Counts in Redis that the sign-up form can do without: Redis may be lost or away, and then nobody waits for it."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from flask import Flask, current_app
from redis import Redis, RedisError
from redis.exceptions import ConnectionError as CutOff

from newsletter.core import queues

log = logging.getLogger(__name__)

EXTENSION = "newsletter-tally"
AWAY_SECONDS = 5.0
"""For how long nobody waits for a Redis that was away."""

Command = tuple[str | int, ...]


def init_app(app: Flask) -> None:
    """Take Redis for there."""
    app.extensions[EXTENSION] = 0.0


def count(counted: Mapping[str, int], *others: str) -> list[int]:
    """Count keys, each kept for so many seconds, and return what they and the others hold, in one round trip.

    Returns nothing when Redis is away.
    """

    def ask(redis: Redis) -> list[object]:
        with redis.pipeline(transaction=False) as pipe:
            for command in _commands(counted, others):
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return cast(list[object], pipe.execute()[-1])

    return _numbers(_ask(ask))


@contextmanager
def counting(counted: Mapping[str, int], *others: str) -> Iterator[Callable[[], list[int]]]:
    """Do as `count`, and go on with something else meanwhile: what is yielded waits for the answer when called."""
    asked = cast(list[_Question], _ask(lambda redis: [_Question(redis, _commands(counted, others))]))

    def answer() -> list[int]:
        try:
            return _numbers(asked[0].answer()) if asked else []
        except CutOff:  # like any command it is sent once more
            return count(counted, *others)
        except RedisError as error:
            return _numbers(_away(error))

    try:
        yield answer
    finally:
        for question in asked:
            question.close()


class _Question:
    """Commands on their way to Redis, on a connection of the app's. Raises `RedisError`, as does `answer`."""

    def __init__(self, redis: Redis, commands: Sequence[Command]) -> None:
        self._pool, self._owed = redis.connection_pool, len(commands)
        self._connection = cast(Any, self._pool.get_connection())
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands))
        except BaseException:
            self._pool.release(self._connection)
            raise

    def answer(self) -> list[object]:
        """Wait for the replies that are still owed; return the last."""
        reply: object = []
        while self._owed:
            self._owed -= 1  # also when it is an error: nothing more comes for that command
            reply = self._connection.read_response()
        return cast(list[object], reply)

    def close(self) -> None:
        """Give the connection back without a reply on it that whoever has it next would take for theirs."""
        try:
            self.answer()
        except RedisError:
            self._connection.disconnect()
        finally:
            self._pool.release(self._connection)


def first_use(key: str, seconds: int) -> bool:
    """Return whether nobody has used this before; it is remembered for `seconds`. Always so when Redis is away."""
    taken = _ask(lambda redis: [redis.set(key, 1, nx=True, ex=seconds)])
    return not taken or bool(taken[0])


def _commands(counted: Mapping[str, int], others: Sequence[str]) -> list[Command]:
    counting = (command for key, seconds in counted.items() for command in (("INCR", key), ("EXPIRE", key, seconds)))
    return [*counting, ("MGET", *counted, *others)]


def _numbers(held: list[object]) -> list[int]:
    return [int(number or 0) for number in cast(list[bytes | None], held)]


def _ask(command: Callable[[Redis], list[object]]) -> list[object]:
    """Return what Redis answers, or nothing when it is away."""
    if time.monotonic() < current_app.extensions[EXTENSION]:
        return []
    try:
        return command(queues.redis())
    except RedisError as error:
        return _away(error)


def _away(error: RedisError) -> list[object]:
    log.warning("sign-ups are not counted: Redis is away (%s)", type(error).__name__)
    current_app.extensions[EXTENSION] = time.monotonic() + AWAY_SECONDS
    return []
