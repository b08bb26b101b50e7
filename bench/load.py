"""Requests to a web server, sent by wrk: a client in Python would be slower than what it measures."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import debian

SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Answers:
    """What came of a run; the time from a request to the end of its answer in milliseconds."""

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class Requests:
    """Requests in a file, one a line: method, path, body. Those with a body are a form."""

    def __init__(self, path: Path, lines: Iterable[str], *, once: bool = False) -> None:
        self.path = path
        self._once = once
        self._lines = list(lines)

    def send(self, port: int, connections: int, seconds: int) -> Answers:
        """Send them in turn for so many seconds; all must succeed. What is to be sent only once is not sent again."""
        self.path.write_text("\n".join(self._lines) + "\n", encoding="utf-8")
        wrk = debian.program("wrk")
        words = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT)]
        command = [str(wrk.path), *words, f"http://127.0.0.1:{port}", "--", str(self.path)]
        done = subprocess.run(command, env=wrk.env, check=True, capture_output=True, text=True)
        answers = Answers(**json.loads(done.stdout.splitlines()[-1]))
        assert answers.failed == 0, f"{answers.failed} of {answers.requests} requests failed"
        if self._once:
            # Those on the way when time was up may have arrived.
            used = answers.requests + connections
            assert used <= len(self._lines), "more requests are needed than there are"
            self._lines = self._lines[used:]
        return answers
