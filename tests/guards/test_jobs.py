"""Jobs are doorbells: each takes one row's id, and every worker knows it."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import newsletter
from newsletter.core import queues

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
