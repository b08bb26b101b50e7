"""The RQ worker listens where bells ring, interrupts nobody, and ends when it is told to, whenever that is."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, Worker

from newsletter.core import queues
from newsletter.core.stopping import stopping
from newsletter.core.worker import GentleWorker
from tests.procfile import Processes


@pytest.fixture
def worker(app: Flask) -> Iterator[GentleWorker]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    connection = queues.client(app.config["REDIS_URL"], verify=True, timeout=None)
    listened = [Queue(name, connection=connection, serializer="json") for name in queues.QUEUES]
    yield GentleWorker(listened, connection=connection, job_class=queues.AppJob, serializer="json")
    connection.close()
    stopping.clear()
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_worker_that_is_told_to_end_while_it_starts_up_does_not_wait_for_work(
    worker: GentleWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe = worker.subscribe
    waits: list[object] = []

    def be_told_meanwhile() -> None:
        subscribe()
        stopping.set()

    monkeypatch.setattr(worker, "subscribe", be_told_meanwhile)
    monkeypatch.setattr(worker, "dequeue_job_and_maintain_ttl", lambda *arguments: waits.append(arguments))

    worker.work(logging_level="WARNING")

    assert not waits


def started(processes: Processes, redis_url: str) -> Worker:
    """Start the worker of the Procfile; return what it says of itself, once it listens."""
    processes.start("worker")
    with Redis.from_url(redis_url) as connection:
        deadline = time.monotonic() + 60
        while not (workers := Worker.all(connection=connection, serializer="json")):
            assert time.monotonic() < deadline, processes.log()
            time.sleep(0.05)
        return workers[0]


def test_it_listens_to_every_queue(make_processes: Processes, redis_url: str) -> None:
    worker = started(make_processes, redis_url)

    assert worker.queue_names() == list(queues.QUEUES)


def test_none_of_its_threads_interrupts_another_process_on_waking_up(make_processes: Processes, redis_url: str) -> None:
    worker = started(make_processes, redis_url)

    threads = [int(thread.name) for thread in Path(f"/proc/{worker.pid}/task").iterdir()]

    assert len(threads) > 1
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}
