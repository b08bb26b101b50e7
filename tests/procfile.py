"""The processes of the Procfile as children of a test."""

import signal
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from honcho.environ import parse_procfile
from redis import Redis
from rq import Worker

from newsletter.demo.services import Child, spawn

SECONDS = 60


class Processes:
    """Starts processes by their name in the Procfile, keeps their output, ends them all."""

    def __init__(self, procfile: Path, env: Mapping[str, str], logs: Path) -> None:
        self.commands: dict[str, str] = dict(parse_procfile(procfile.read_text()).processes)
        self.root = procfile.parent
        self.env = dict(env)
        self.url = env["PUBLIC_URL"]
        self.logs = logs
        self.children: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, **more_env: str) -> Child:
        """Start one more process of this name and return it."""
        number = sum(child.name.startswith(f"{name}.") for child in self.children) + 1
        label = f"{name}.{number}"
        with (self.logs / f"{label}.log").open("wb") as output:
            child = spawn(
                label, ["sh", "-c", self.commands[name]], env=self.env | more_env, output=output, cwd=self.root
            )
        self.children.append(child)
        return child

    def listening_worker(self) -> Worker:
        """Start a worker; return what it says of itself, once it listens."""
        self.start("worker")
        with Redis.from_url(self.env["REDIS_URL"]) as connection:
            deadline = time.monotonic() + SECONDS
            while not (workers := Worker.all(connection=connection, serializer="json")):
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
            return workers[0]

    def run(self, name: str) -> None:
        """Run a process that ends by itself, such as `release`."""
        child = self.start(name)
        assert child.process.wait(SECONDS) == 0, self.log()

    def kill(self, child: Child, how: signal.Signals = signal.SIGKILL) -> None:
        """End one process the hard way, and wait for its end."""
        child.process.send_signal(how)
        child.process.wait(SECONDS)

    def wait_for(self, path: str, status: int = 200, seconds: float = SECONDS) -> None:
        """Return when `path` answers with `status`."""
        deadline = time.monotonic() + seconds
        while (seen := self.status(path)) != status:
            ended = [child.name for child in self.children if child.process.poll() not in (None, 0)]
            assert not ended, f"{ended} ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"{path} answers {seen}:\n{self.log()}"
            time.sleep(0.05)

    def status(self, path: str) -> int:
        """Return the status of a GET, or 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def log(self) -> str:
        """Return what all of them have written so far."""
        return "\n".join(f"== {path.stem}\n{path.read_text()}" for path in sorted(self.logs.glob("*.log")))

    def stop(self) -> None:
        """End them all in good order."""
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            child.stop()
