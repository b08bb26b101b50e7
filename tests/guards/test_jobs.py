"""Jobs are doorbells: each takes one row's id, and some worker listens where it rings."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

from redis import Redis
from rq import Worker

import newsletter
from newsletter.core import queues
from tests.procfile import Processes

ROOT = Path(__file__).resolve().parent.parent.parent


def import_everything() -> None:
    for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def test_every_job_takes_exactly_one_int_id() -> None:
    import_everything()

    assert len(queues._allowed) >= 3
    for name, function in queues._allowed.items():
        parameters = list(inspect.signature(function).parameters.values())
        assert len(parameters) == 1, name
        assert parameters[0].annotation is int, name
        assert parameters[0].name.endswith("id"), name


def test_a_worker_knows_every_job_from_its_start() -> None:
    """A job in a module that only some command imports would be refused."""
    program = "import runpy; runpy.run_path('worker.py'); from newsletter.core import queues; print(*queues._allowed)"
    known = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    import_everything()

    assert set(known.split()) == {name for name in queues._allowed if name.startswith("newsletter.")}


def test_a_worker_listens_to_every_queue(make_processes: Processes, redis_url: str) -> None:
    make_processes.start("worker")

    with Redis.from_url(redis_url) as connection:
        deadline = time.monotonic() + 60
        while not (workers := Worker.all(connection=connection, serializer="json")):
            assert time.monotonic() < deadline, make_processes.log()
            time.sleep(0.05)
        listened = workers[0].queue_names()

    assert listened == list(queues.QUEUES)
