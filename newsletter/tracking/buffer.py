"""The event buffer: notes go from the web processes to a list in Redis, and from there to the tables, once.

A drain moves the list aside under a name of its own (atomically) and judges which ids a machine came for. It counts
what has lain aside for some seconds, because a burst may go on in the next list, in slices, and deletes it. Every slice
has an id that is made from that name and is written in the transaction that counts it; whoever finds the
list of a drain that died counts only the slices that are not in the tables yet.
"""

import logging
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from redis import Redis, RedisError
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.tracking import counting, machines
from newsletter.tracking.models import DrainedBatch

log = logging.getLogger(__name__)

EVENTS = "newsletter:events"
ASIDE = "newsletter:events:lists"
"""The names under which lists lie aside, by when they were moved there."""
SETTLE_SECONDS = 1.5
DROPPED, INVENTED = "newsletter:events:dropped", "newsletter:events:invented"
"""Counters for /metrics: notes that found no room, or no key to count them with, and ids that were never ours."""
MOST_EVENTS = 1_000_000
"""What the list in Redis may grow to while nobody drains: about 100 MB."""
SLICE = 20_000
SLICES_PER_DRAIN = 5
KEEP_BATCHES = timedelta(days=1)
_ONE_AT_A_TIME = 0x6E6C6576  # "nlev": drains count one after the other


def push(connection: "Redis", notes: Sequence[str], dropped: int) -> None:
    """Append notes in one go; raise `RedisError`. Over `MOST_EVENTS` they are dropped, and counted.

    After a timeout it isn't known whether they arrived, and they go again: a total may then be too high by
    them, `unique` never.
    """
    if _length(connection, EVENTS) >= MOST_EVENTS:
        dropped, notes = dropped + len(notes), ()
    if notes:
        connection.rpush(EVENTS, *notes)
    if dropped:
        connection.incrby(DROPPED, dropped)


def drain(settle_seconds: float = SETTLE_SECONDS) -> int:
    """Count what was moved aside so long ago, up to 100,000 events a call; return how many were read. Commits.

    Several at once do no harm. While Redis is away there is nothing to read.
    """
    try:
        return _drain(queues.redis(), settle_seconds)
    except RedisError as error:
        log.info("nothing was drained: Redis is away (%s)", type(error).__name__)
        return 0


def figures() -> tuple[int, int, int]:
    """Return how many events wait to be counted, were dropped, and were invented; raise `RedisError`."""
    connection = queues.redis()
    aside = _aside(connection)
    waiting = _length(connection, EVENTS) + sum(_length(connection, _key(name)) for name in aside)
    dropped, invented = (int(cast(bytes | None, connection.get(key)) or 0) for key in (DROPPED, INVENTED))
    return waiting, dropped, invented


def _drain(connection: "Redis", settle_seconds: float) -> int:
    before = _aside(connection)
    if name := _move_aside(connection):
        _judge(connection, before[-1:], name)
    read = taken = 0
    for name in _aside(connection, until=time.time() - settle_seconds):
        slices = _slices(uuid.UUID(name.decode()), _length(connection, _key(name)))
        todo = slices[: max(0, SLICES_PER_DRAIN - taken)]
        for start, slice_id in todo:
            read += _count_once(connection, slice_id, _notes(connection, name, start, start + SLICE - 1))
        taken += len(todo)
        if len(todo) == len(slices):
            _delete(connection, name)
    return read


def forget_drained() -> int:
    """Delete what says that old slices are counted, commit, and return how many; raise `RedisError`.

    Not while a list lies aside: one would have to know its slices, however old.
    """
    if queues.redis().zcard(ASIDE):
        return 0
    old = delete(DrainedBatch).where(DrainedBatch.drained_at < func.now() - KEEP_BATCHES)
    gone = db.session.execute(old.returning(DrainedBatch.id)).all()
    db.session.commit()
    return len(gone)


def _aside(connection: "Redis", until: float = float("inf")) -> list[bytes]:
    """Return the names of the lists that were moved aside until then, the oldest first."""
    return cast(list[bytes], connection.zrangebyscore(ASIDE, "-inf", until))


def _move_aside(connection: "Redis") -> bytes | None:
    if not connection.exists(EVENTS):
        return None
    name = uuid.uuid4().hex
    with connection.pipeline(transaction=True) as both:
        both.rename(EVENTS, _key(name.encode()))
        both.zadd(ASIDE, {name: time.time()})
        # Another drain may have been quicker: then the name stands for an empty list, which is deleted later.
        both.execute(raise_on_error=False)
    return name.encode()


def _judge(connection: "Redis", before: list[bytes], name: bytes) -> None:
    # A burst may have begun at the end of the list before.
    notes = [note for older in before for note in _notes(connection, older, -SLICE, -1)]
    for start in range(0, _length(connection, _key(name)), SLICE):
        notes = notes[-SLICE:] + _notes(connection, name, start, start + SLICE - 1)
        machines.remember(connection, machines.judge(notes))


def _delete(connection: "Redis", name: bytes) -> None:
    connection.delete(_key(name))
    connection.zrem(ASIDE, name)


def _length(connection: "Redis", key: str) -> int:
    return cast(int, connection.llen(key))


def _notes(connection: "Redis", name: bytes, first: int, last: int) -> list[bytes]:
    return cast(list[bytes], connection.lrange(_key(name), first, last))


def _key(name: bytes) -> str:
    return f"{EVENTS}:{name.decode()}"


def _slices(batch: uuid.UUID, length: int) -> list[tuple[int, uuid.UUID]]:
    """Return start and id of the slices that are not in the tables yet."""
    slices = [(start, uuid.uuid5(batch, str(start))) for start in range(0, length, SLICE)]
    ids = [slice_id for _start, slice_id in slices]
    done = set(db.session.execute(select(DrainedBatch.id).where(DrainedBatch.id.in_(ids))).scalars())
    db.session.rollback()
    return [(start, slice_id) for start, slice_id in slices if slice_id not in done]


def _count_once(connection: "Redis", slice_id: uuid.UUID, notes: Sequence[bytes]) -> int:
    verdicts = machines.remembered(connection, notes)
    try:
        db.session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        ours = db.session.execute(
            insert(DrainedBatch).values(id=slice_id).on_conflict_do_nothing().returning(DrainedBatch.id)
        ).first()
        if ours is None:
            return 0
        left_out = counting.count(notes, verdicts)
        db.session.commit()
    finally:
        db.session.rollback()
    for key, number in ((INVENTED, left_out.invented), (DROPPED, left_out.locked)):
        if number:
            connection.incrby(key, number)
    return len(notes)
