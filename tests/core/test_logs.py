"""Logs say what failed and where, and never the words of an exception, whoever wrote the line."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from newsletter.core import logs

CANARY = "kim.beispiel@example.org"
Said = Callable[[], dict[str, Any]]


@pytest.fixture
def said() -> Iterator[Said]:
    """Log as an app does; returns what the one line says that was written."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("info")
    (ours,) = root.handlers
    written = io.StringIO()
    assert isinstance(ours, logging.StreamHandler)
    ours.setStream(written)

    def line() -> dict[str, Any]:
        (only,) = written.getvalue().splitlines()
        assert CANARY not in only
        found: dict[str, Any] = json.loads(only)
        return found

    yield line
    root.handlers[:] = before
    root.setLevel(level)


def test_an_exception_is_its_class_and_its_place(said: Said) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("newsletter.any").exception("it failed")

    found = said()
    assert (found["event"], found["exception"]) == ("it failed", "ValueError")
    assert found["at"][-1].startswith("test_logs.py:")


def test_a_traceback_in_a_message_of_rq_is_cut_off(said: Said) -> None:
    logging.getLogger("rq.worker").error(
        "Worker %s: job %s: exception raised while executing (%s)\n%s", "w", "j", "send", f"Traceback\n{CANARY}"
    )

    assert said()["event"] == "Worker w: job j: exception raised while executing (send)"


def test_an_exception_in_a_message_of_rq_is_its_class(said: Said) -> None:
    logging.getLogger("rq.worker").error(
        "Worker %s: could not connect to Redis instance: %s retrying in %d seconds...", "w", OSError(CANARY), 2
    )

    assert said()["event"] == "Worker w: could not connect to Redis instance: OSError retrying in 2 seconds..."


def test_a_line_of_rq_with_an_exception_beside_it_says_its_class(said: Said) -> None:
    try:
        raise OSError(CANARY)
    except OSError:
        logging.getLogger("rq.worker").exception("Worker %s: quitting...", "w")

    found = said()
    assert (found["event"], found["exception"]) == ("Worker w: quitting...", "OSError")
