"""An alarm, and a brake, when more confirmation mails go out in an hour than is usual here.

Numbers per hour are kept in Redis for two weeks; when they are lost, what is usual is what the setting says.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import cast

from flask import current_app
from redis import RedisError

from newsletter.core import queues
from newsletter.core.errors import Conflict
from newsletter.core.i18n import gettext as _
from newsletter.optin.pressure import BRAKE

log = logging.getLogger(__name__)

HOURS = 14 * 24
TIMES = 10
"""So many times the usual hour is not usual."""
HOLDS = timedelta(hours=1)
"""For how long the brake holds after the last look that found too many."""
LET_GO_FOR = timedelta(days=1)
WANTED = "newsletter:signups:wanted"


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


def look() -> int:
    """Pull the brake when this hour has left the usual range: until it is let go, every sign-up needs a proof of work.

    Returns the hour's number, and logs an error, when it is pulled, and 0 when it was already or is not; /metrics shows
    it for as long as it holds.
    """
    least = current_app.config["CONFIRMATIONS_PER_HOUR"]
    if not least:
        return 0
    try:
        this, usual = _numbers(least)
        if this <= usual:
            return 0
        pulled = queues.redis().set(BRAKE, int(time.time()), ex=HOLDS, nx=True)
        queues.redis().expire(BRAKE, HOLDS)
    except RedisError as error:
        log.info("confirmation mails were not looked at: Redis is away (%s)", type(error).__name__)
        return 0
    if not pulled:
        return 0
    log.error("%s confirmation mails in this hour are more than usual: sign-ups need a proof of work now", this)
    return this


def since() -> datetime | None:
    """Return since when the brake holds, or None: also when Redis is away. For the staff's pages."""
    try:
        pulled_at = queues.redis().get(BRAKE)
    except RedisError:
        return None
    return datetime.fromtimestamp(int(cast(bytes, pulled_at)), UTC) if pulled_at else None


def let_go() -> int:
    """Let go of the brake; return how many confirmation mails an hour may have for a day before it is pulled again.

    Who lets go says that what arrives is wanted: twice of it is still news. Raises `Conflict` while Redis is away.
    """
    try:
        this, usual = _numbers(current_app.config["CONFIRMATIONS_PER_HOUR"])
        wanted = max(2 * this, usual)
        with queues.redis().pipeline() as pipe:
            pipe.set(WANTED, wanted, ex=LET_GO_FOR)
            pipe.delete(BRAKE)
            pipe.execute()
    except RedisError:
        raise Conflict(_("Redis is away. Please try again in a moment.")) from None
    log.warning("the brake was let go: up to %s confirmation mails in an hour are usual for a day", wanted)
    return wanted


def _numbers(least: int) -> tuple[int, int]:
    """Return how many confirmation mails this hour has had, and how many it may have."""
    hour = _hour()
    keys = [WANTED, *(_key(each) for each in range(hour, hour - HOURS, -1))]
    wanted, this, *past = [int(number or 0) for number in cast(list[bytes | None], queues.redis().mget(keys))]
    return this, max(wanted, most_in_an_hour(past, least))


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
