"""The RQ worker listens where bells ring, and ends when it is told to, whenever that is."""

import signal
from collections.abc import Iterator

import pytest
from flask import Flask
from rq import Queue

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


def test_it_listens_to_every_queue(make_processes: Processes) -> None:
    worker = make_processes.listening_worker()

    assert worker.queue_names() == list(queues.QUEUES)
