"""No thread that sends or answers interrupts another on waking up."""

import os
from pathlib import Path

from bench.proc import family
from tests.procfile import Processes


def policies(pid: int) -> set[int]:
    """Return how the threads of a process are scheduled."""
    return {os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{pid}/task").iterdir()}


def test_in_a_worker(make_processes: Processes) -> None:
    worker = make_processes.listening_worker()

    assert policies(worker.pid) == {os.SCHED_BATCH}


def test_in_the_process_that_answers(make_processes: Processes) -> None:
    make_processes.run("release")
    web = make_processes.start("web")
    make_processes.wait_for("/healthz")

    _supervisor, *answering = family(web.process.pid)

    assert [policies(pid) for pid in answering] == [{os.SCHED_BATCH}]
