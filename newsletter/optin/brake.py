"""An alarm, and a brake, when more confirmation mails go out in an hour than is usual here.

Numbers per hour are kept in Redis for two weeks; when they are lost, what is usual is what the setting says.
"""

import logging
import time
from datetime import timedelta
from statistics import median
from typing import cast

from flask import current_app
from redis import RedisError

from newsletter.core import queues
from newsletter.optin.pressure import BRAKE

log = logging.getLogger(__name__)

HOURS = 14 * 24
TIMES = 10
"""So many times the usual hour is not usual."""
HOLDS = timedelta(hours=1)
"""For how long the brake holds after the last look that found too many."""


def note_mail() -> None:
    """Count a confirmation mail."""
    key = _key(_hour())
    try:
        with queues.redis().pipeline(transaction=False) as pipe:
            pipe.incr(key)
            pipe.expire(key, timedelta(hours=HOURS + 1))
            pipe.execute()
    except RedisError:
        return  # the count is for an alarm, and may have gaps


def look() -> None:
    """Pull the brake when this hour has left the usual range: until it is let go, every sign-up needs a proof of work.

    Logs an error once, when it is pulled; /metrics shows it for as long as it holds.
    """
    least = current_app.config["CONFIRMATIONS_PER_HOUR"]
    if not least:
        return
    hour = _hour()
    keys = [_key(each) for each in range(hour, hour - HOURS, -1)]
    try:
        this, *past = [int(number or 0) for number in cast(list[bytes | None], queues.redis().mget(keys))]
        if this <= most_in_an_hour(past, least):
            return
        pulled = queues.redis().set(BRAKE, 1, ex=HOLDS, get=True) is None
    except RedisError as error:
        log.info("confirmation mails were not looked at: Redis is away (%s)", type(error).__name__)
        return
    if pulled:
        log.error("%s confirmation mails in this hour are more than usual: sign-ups need a proof of work now", this)


def most_in_an_hour(past: list[int], least: int) -> int:
    """Return how many confirmation mails an hour may have before it is unusual.

    >>> most_in_an_hour([], 5000), most_in_an_hour([0, 900, 1000, 0, 1100], 5000)
    (5000, 10000)
    """
    busy = [number for number in past if number]
    return max(least, int(TIMES * median(busy)) if busy else 0)


def _hour() -> int:
    return int(time.time() // 3600)


def _key(hour: int) -> str:
    return f"newsletter:confirmations:{hour}"
