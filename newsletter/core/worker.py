"""The RQ worker, made fit for platforms: it ends gently however often it is asked, and comes back when Redis does.

Jobs run in this process (RQ's SimpleWorker): no fork per job, and no orphan that goes on sending when the
worker is killed. No alarm interrupts a job either, because an exception between "the relay took it" and
"written down" would cost a mail's fate; every wait in a job has a time limit of its own instead.
"""

import logging
import signal
from types import FrameType
from typing import Any

from flask import Flask
from redis import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.timeouts import BaseDeathPenalty
from rq.worker import WorkerStatus

from newsletter.core import queues
from newsletter.core.stopping import stopping

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 2.0


class NoAlarm(BaseDeathPenalty):
    """Interrupts nothing."""

    def setup_death_penalty(self) -> None:
        """Do nothing."""

    def cancel_death_penalty(self) -> None:
        """Do nothing."""


class GentleWorker(SimpleWorker):
    """Finishes the step in hand when asked to end; asking again, as platforms do, changes nothing."""

    death_penalty_class = NoAlarm
    log_job_description = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Set the flags, and nothing else: no call to Redis may fail in the middle of a job."""
        stopping.set()
        self._stop_requested = True
        if self._state != WorkerStatus.BUSY:
            raise StopRequested

    request_force_stop = request_stop

    def check_for_suspension(self, burst: bool) -> None:
        """Look before each wait: a signal that came while RQ started up has set our flag, and not yet RQ's."""
        if stopping.is_set():
            raise StopRequested
        super().check_for_suspension(burst)


def run(app: Flask) -> None:
    """Work off the queues until SIGTERM or SIGINT; start afresh when Redis was away."""
    queues.AppJob.app = app
    connection = queues.client(app.config["REDIS_URL"], verify=app.config["REDIS_VERIFY"], timeout=None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_waiting)
    while not stopping.is_set():
        try:
            listened = [Queue(name, connection=connection, serializer="json") for name in queues.QUEUES]
            worker = GentleWorker(listened, connection=connection, job_class=queues.AppJob, serializer="json")
            worker.work(logging_level="WARNING")
        except StopRequested:
            break
        except RedisError as error:
            log.warning("Redis is away: %s", type(error).__name__)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop_waiting)
        stopping.wait(RECONNECT_SECONDS)


def _stop_waiting(_signum: int, _frame: Any) -> None:
    stopping.set()
