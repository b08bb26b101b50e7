"""The event buffer: notes go from the web processes to a list in Redis, and from there to the tables, once.

A drain moves the list aside under a name of its own (atomically), counts it in slices, and deletes it. Every slice
has an id that is made from that name and is written in the transaction that counts it; whoever finds the
list of a drain that died counts only the slices that are not in the tables yet.
"""

import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from redis import Redis, RedisError
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.tracking import counting
from newsletter.tracking.models import DrainedBatch

log = logging.getLogger(__name__)

EVENTS = "newsletter:events"
ASIDE = "newsletter:events:aside"
"""The set of the names under which lists lie aside."""
DROPPED, INVENTED = "newsletter:events:dropped", "newsletter:events:invented"
"""Counters for /metrics: notes that found no room, and ids that this installation never made."""
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


def drain() -> int:
    """Count what lies in the buffer, up to 100,000 events a call; return how many were read. Commits.

    Several at once do no harm. While Redis is away there is nothing to read.
    """
    try:
        return _drain(queues.redis())
    except RedisError as error:
        log.info("nothing was drained: Redis is away (%s)", type(error).__name__)
        return 0


def figures() -> tuple[int, int, int]:
    """Return how many events wait to be counted, were dropped, and were invented; raise `RedisError`."""
    connection = queues.redis()
    aside = cast(set[bytes], connection.smembers(ASIDE))
    waiting = _length(connection, EVENTS) + sum(_length(connection, _key(name)) for name in aside)
    dropped, invented = (int(cast(bytes | None, connection.get(key)) or 0) for key in (DROPPED, INVENTED))
    return waiting, dropped, invented


def _drain(connection: "Redis") -> int:
    _move_aside(connection)
    read = taken = 0
    for name in cast(set[bytes], connection.smembers(ASIDE)):
        slices = _slices(uuid.UUID(name.decode()), _length(connection, _key(name)))
        todo = slices[: max(0, SLICES_PER_DRAIN - taken)]
        for start, slice_id in todo:
            notes = cast(list[bytes], connection.lrange(_key(name), start, start + SLICE - 1))
            read += _count_once(connection, slice_id, notes)
        taken += len(todo)
        if len(todo) == len(slices):
            _delete(connection, name)
    return read


def forget_drained() -> int:
    """Delete what says that old slices are counted, commit, and return how many; raise `RedisError`.

    Not while a list lies aside: one would have to know its slices, however old.
    """
    if queues.redis().scard(ASIDE):
        return 0
    old = delete(DrainedBatch).where(DrainedBatch.drained_at < func.now() - KEEP_BATCHES)
    gone = db.session.execute(old.returning(DrainedBatch.id)).all()
    db.session.commit()
    return len(gone)


def _move_aside(connection: "Redis") -> None:
    if not connection.exists(EVENTS):
        return
    name = uuid.uuid4().hex
    with connection.pipeline(transaction=True) as both:
        both.rename(EVENTS, _key(name.encode()))
        both.sadd(ASIDE, name)
        # Another drain may have been quicker: then the name stands for an empty list, which is deleted below.
        both.execute(raise_on_error=False)


def _delete(connection: "Redis", name: bytes) -> None:
    connection.delete(_key(name))
    connection.srem(ASIDE, name)


def _length(connection: "Redis", key: str) -> int:
    return cast(int, connection.llen(key))


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
    try:
        db.session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        ours = db.session.execute(
            insert(DrainedBatch).values(id=slice_id).on_conflict_do_nothing().returning(DrainedBatch.id)
        ).first()
        if ours is None:
            return 0
        invented = counting.count(notes)
        db.session.commit()
    finally:
        db.session.rollback()
    if invented:
        connection.incrby(INVENTED, invented)
    return len(notes)
