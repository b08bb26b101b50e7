"""Machines: scanners of links, judged by how the links of one mail are called, in Redis, within minutes.

Three different links of a mail within a second, or the one link that no person can see: that was a machine, and so was
whatever else came for this mail within a minute before or after. The verdict stands in Redis under the
measurement id, for ten minutes; the tables only get to know how many there were.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from redis import Redis

from newsletter.tracking.models import OPEN, TRAP
from newsletter.tracking.notes import Note, parse

BURST_LINKS, BURST_MS = 3, 1000
AROUND_MS = 60_000
KEPT_SECONDS = 600
KEY = "newsletter:machine:"
_AT_ONCE = 1000


def judge(notes: Iterable[bytes]) -> dict[str, int]:
    """Return the measurement ids that a machine came for, and when (milliseconds since 1970)."""
    clicks: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for note in map(parse, notes):
        if note is not None and note.link != OPEN:
            clicks[note.measurement_id].append((note.at_ms, note.link))
    found = {measurement_id: _moment(sorted(each)) for measurement_id, each in clicks.items()}
    return {measurement_id: moment for measurement_id, moment in found.items() if moment is not None}


def _moment(clicks: Sequence[tuple[int, int]]) -> int | None:
    for place, (at_ms, link) in enumerate(clicks):
        if link == TRAP:
            return at_ms
        within = {other for when, other in clicks[place:] if when - at_ms <= BURST_MS}
        if len(within) >= BURST_LINKS:
            return at_ms
    return None


def remember(connection: "Redis", verdicts: Mapping[str, int]) -> None:
    """Keep verdicts for those who count what came before and what comes after; raise `RedisError`."""
    with connection.pipeline(transaction=False) as pipe:
        for measurement_id, moment in verdicts.items():
            pipe.set(KEY + measurement_id, moment, ex=KEPT_SECONDS)
        pipe.execute()


def remembered(connection: "Redis", notes: Iterable[bytes]) -> dict[str, int]:
    """Return the verdicts on the ids in these notes; raise `RedisError`."""
    ids = list({note.measurement_id for note in map(parse, notes) if note is not None})
    found: dict[str, int] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        values = cast(list[bytes | None], connection.mget([KEY + each for each in some]))
        found |= {each: int(value) for each, value in zip(some, values, strict=True) if value is not None}
    return found


def is_one(note: Note, verdicts: Mapping[str, int]) -> bool:
    """Return whether a machine did what the note says."""
    moment = verdicts.get(note.measurement_id)
    near = moment is not None and abs(note.at_ms - moment) <= AROUND_MS
    return near or note.by_itself or note.link == TRAP
