"""How often a recipient may have something mailed by asking for it on a page: a few times a day."""

from redis import RedisError

from newsletter.core import queues
from newsletter.core.digests import digest

A_DAY = 3
DAY_SECONDS = 24 * 3600


def may(what: str, link_key: bytes) -> bool:
    """Count, and return whether it is one of the first `A_DAY` today; always True while Redis is away."""
    name = f"{what}:{digest(f'limits.{what}', link_key.hex()).hex()[:32]}"
    try:
        with queues.redis().pipeline() as pipe:
            pipe.set(name, 0, ex=DAY_SECONDS, nx=True)
            pipe.incr(name)
            number = int(pipe.execute()[-1])
    except RedisError:
        return True
    return number <= A_DAY
