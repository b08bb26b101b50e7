"""RQ as a doorbell. A job carries the id of a row and nothing else; a lost job costs nothing, because the
row is the truth and a sweep rings again. JSON instead of pickle: whoever can write to Redis runs no code."""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache, partial
from typing import Any, NamedTuple, cast
from uuid import uuid4

from flask import Flask, current_app
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.worker import WorkerStatus

log = logging.getLogger(__name__)

MAIL, CAMPAIGNS = "mail", "campaigns"
QUEUES = (MAIL, CAMPAIGNS)
"""In the order in which a worker looks at them: a person waits for a confirmation, nobody for a campaign."""

JobFunction = Callable[[int], None]
EXTENSION = "newsletter-queues"
FAILURE_SECONDS = 24 * 3600

_allowed: dict[str, JobFunction] = {}


class Bell(NamedTuple):
    """That a job (by its dotted name) is to look at a row; rung in a queue."""

    queue: str
    function: str
    row_id: int


def job(function: JobFunction) -> JobFunction:
    """Allow `function`, which takes one row id, to be run by a worker."""
    _allowed[name_of(function)] = function
    return function


def name_of(function: JobFunction) -> str:
    """Return the dotted name under which a job is queued."""
    return f"{function.__module__}.{function.__qualname__}"


class JobFailed(Exception):
    """A job ended with an error; holds the name of its class only."""


class AppJob(Job):
    """A job that runs in an app context, and only if its function was allowed by `@job`."""

    app: Flask

    def perform(self) -> Any:
        """Run the function with its one id."""
        function = _allowed.get(self.func_name or "")
        if function is None or len(self.args) != 1 or type(self.args[0]) is not int or self.kwargs:
            raise PermissionError("This is not a job of the newsletter service.")
        with self.app.app_context():
            try:
                function(self.args[0])
            except Exception as error:
                # RQ keeps and logs an exception's text, and this one may hold an address.
                log.error("job %s failed", self.func_name, exc_info=error)
                raise JobFailed(type(error).__name__) from None


def options(url: str, *, verify: bool, timeout: float | None) -> dict[str, Any]:
    """Return redis-py's options for `url`; with `timeout` (seconds) it gives up soon and keeps no visitor waiting."""
    chosen: dict[str, Any] = {"health_check_interval": 30}
    if url.startswith("rediss://") and not verify:
        chosen["ssl_cert_reqs"] = "none"
    if timeout is not None:
        chosen |= {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 1)}
    return chosen


def client(url: str, *, verify: bool, timeout: float | None) -> "Redis":
    """Return a Redis client; see `options`."""
    return Redis.from_url(url, **options(url, verify=verify, timeout=timeout))


def init_app(app: Flask) -> None:
    """Give the app its quick Redis client (1 s); workers open a patient one of their own."""
    app.extensions[EXTENSION] = client(app.config["REDIS_URL"], verify=app.config["REDIS_VERIFY"], timeout=1.0)


def redis() -> "Redis":
    """Return the app's Redis client. Every call may raise `redis.RedisError` within about a second."""
    connection: Redis = current_app.extensions[EXTENSION]
    return connection


def queue(name: str) -> Queue:
    """Return the queue `name` as producers use it."""
    return _queue(name, redis())


def _queue(name: str, connection: "Redis") -> Queue:
    return Queue(name, connection=connection, serializer="json", job_class=AppJob)


def bell(function: JobFunction | str, row_id: int) -> str:
    """Return how the ids of the jobs begin that ask for `function` on row `row_id`."""
    function_name = function if isinstance(function, str) else name_of(function)
    return f"{function_name.rpartition('.')[2]}-{row_id}-"


def ring(name: str, function: JobFunction | str, row_id: int) -> bool:
    """Ask a worker to look at row `row_id`; return whether the bell rang. Call it after the commit.

    Redis being down is no error: the row waits, and the sweep rings again.
    """
    return ring_all(redis(), [Bell(name, function if isinstance(function, str) else name_of(function), row_id)])


def ring_all(connection: "Redis", bells: Iterable[Bell]) -> bool:
    """Do as `ring` for several, in one go."""
    try:
        with connection.pipeline() as pipe:  # without one of ours, RQ makes two
            ours = cache(partial(_queue, connection=connection))
            for each in bells:
                ours(each.queue).enqueue(
                    each.function,
                    args=(each.row_id,),
                    job_id=bell(each.function, each.row_id) + uuid4().hex,
                    description="-",
                    job_timeout=-1,
                    result_ttl=0,
                    failure_ttl=FAILURE_SECONDS,
                    pipeline=pipe,
                )
            pipe.execute()
    except RedisError as error:
        log.warning("Redis is away (%s): the sweep will ring", type(error).__name__)
        return False
    return True


def forget_failed() -> int:
    """Take the failed jobs whose day is over out of RQ's lists; return how many. Redis has dropped the jobs itself."""
    connection, gone = redis(), 0
    for name in QUEUES:
        key = FailedJobRegistry(queue=queue(name)).key
        gone += cast(int, connection.zremrangebyscore(key, 0, time.time()))
    return gone


def overdue_failed(age: timedelta) -> int:
    """Return how many failed jobs are listed since their day ended `age` ago."""
    keys = [FailedJobRegistry(queue=queue(name)).key for name in QUEUES]
    return sum(cast(int, redis().zcount(key, 0, time.time() - age.total_seconds())) for key in keys)


def has_idle_worker(name: str) -> bool:
    """Return whether a worker of this queue has nothing to do and no bell is waiting to be heard by one."""
    try:
        if waiting(name):
            return False
        workers = Worker.all(connection=redis(), queue=queue(name))
        return any(worker.get_state() == WorkerStatus.IDLE for worker in workers)
    except RedisError:
        return False


def waiting(name: str) -> int:
    """Return how many bells of this queue nobody has heard yet; 0 when Redis is away."""
    try:
        return int(queue(name).count)
    except RedisError:
        return 0


def waits(name: str, bell: str, *, other: bool = False) -> bool:
    """Return whether a `bell` of this queue is not heard yet, or one that is `other` than that; not without Redis."""
    try:
        return any(job_id.startswith(bell) is not other for job_id in queue(name).get_job_ids())
    except RedisError:
        return False
