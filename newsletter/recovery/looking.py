"""Looking whether the database went back in time, before it is used and all the time since.

Platforms restore backups by themselves. Redis, which they do not take back with it, knows better (`journal`).
"""

import logging

from flask import Flask
from redis import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from newsletter.core.db import db
from newsletter.core.stopping import stopping
from newsletter.journal import copying, marks
from newsletter.recovery import replaying
from newsletter.recovery.replaying import Replayed

log = logging.getLogger(__name__)

LOCK = 0x6E6C7265  # "nlre"
AGAIN_SECONDS = 2.0


def keep() -> None:
    """Copy the journal to Redis, and move the marks on; in a database that went back, replay first."""
    try:
        if copying.keep() is not None:
            look()
    except RedisError as error:
        log.warning("Redis is away (%s): the journal will be copied later", type(error).__name__)


def look() -> Replayed | None:
    """Replay what Redis knows if the database went back; commits. Of several processes one does, and the others wait.

    Raises `RedisError`, `SQLAlchemyError`, or `Unfinished`: nobody can know then, and may not use the database.
    """
    back = marks.went_back()
    db.session.rollback()
    if back is None:
        return None
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        guard.execute(select(func.pg_advisory_lock(LOCK)))
        try:
            back = marks.went_back()
            return _replay(back) if back is not None else None
        finally:
            db.session.rollback()
            guard.execute(select(func.pg_advisory_unlock(LOCK)))


def wait_until_known(app: Flask) -> None:
    """Return when the database is known to be the present one, or made so; or when the process is asked to end.

    For a worker: nothing may be mailed before.
    """
    with app.app_context():
        while not stopping.is_set():
            try:
                look()
                return
            except (RedisError, SQLAlchemyError, marks.Unfinished) as error:
                log.warning("it can't be known whether the database is the present one: %s", type(error).__name__)
                stopping.wait(AGAIN_SECONDS)
            finally:
                db.session.rollback()


def _replay(back: marks.Setback) -> Replayed:
    log.error("the database is as of %s, and was in use until %s: the journal is replayed", back.back_to, back.until)
    done = replaying.replay(copying.read(), lost=back.until - back.back_to if back.back_to else None)
    settle(back)
    log.error("replayed: %s", done)
    return done


def settle(back: marks.Setback | None = None) -> None:
    """Note that the database is the present one again, here and in Redis. Commits."""
    copying.refill()
    marks.tell_redis(marks.move(back.until if back else None))
