"""An installation for canaries: the processes of the Procfile, a relay, a Valkey that can be taken away, and a home
in which all of them write what they write."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from newsletter.demo.services import Child, Service, start_valkey
from tests.canaries import places
from tests.canaries.finder import Finder, Trace
from tests.chaos.seen import ROOT
from tests.environment import environment
from tests.procfile import Processes
from tests.sink import Sink

SOUND, BROKEN = "newsletter.app:create_app", "tests.canaries.sabotage:create_app"
WORKER, BROKEN_WORKER = "python worker.py", "python -m tests.canaries.sabotage"


class Stage:
    """Everything that the birds need. The database is given; it has been migrated."""

    def __init__(self, home: Path, database_url: str, sink: Sink, *, with_files: bool = True) -> None:
        self.home, self.sink, self.database_url = home, sink, database_url
        # Durable: its file of appended commands then holds whatever was written to it at any time.
        self._valkey: Service = start_valkey(home / "valkey")
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        self.env = environment(database_url, self._valkey.url, sink.port) | {
            "LOG_LEVEL": "debug",
            "MAIL_TIMEOUT": "3",
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(ROOT),
        }
        self.processes = Processes(ROOT / "Procfile", self.env, home / "logs")
        self._commands = dict(self.processes.commands)
        self._lives: dict[str, Child] = {}
        self._calls = itertools.count(1)
        self.with_files = with_files
        self.filed: set[str] = set()
        """The newsletters for which files that can't be used were tried: that takes its time."""

    @property
    def redis_url(self) -> str:
        """Where Valkey answers, when it does."""
        return self._valkey.url

    def start(self, *names: str, broken: bool = False) -> None:
        """Start `web` or `worker` or both (again, whether they run or not), soundly or with faults in them."""
        for name in names or ("web", "worker"):
            if name in self._lives:
                self._lives.pop(name).stop()
            command = self._commands[name]
            if broken:
                command = command.replace(SOUND, BROKEN).replace(WORKER, BROKEN_WORKER)
            self.processes.commands[name] = command
            self._lives[name] = self.processes.start(name)
        self.processes.children = list(self._lives.values())
        self.processes.wait_for("/healthz")

    def kill(self) -> None:
        """End web and worker without warning, in the middle of whatever they do, and start them again."""
        for child in self._lives.values():
            os.killpg(child.process.pid, signal.SIGKILL)  # the server's children with it
            child.process.wait()
        self._lives.clear()
        self.start()

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """Take Valkey away for as long as the block lasts."""
        self._valkey.stop()
        try:
            yield
        finally:
            self._valkey = start_valkey(self.home / "valkey", again=self._valkey.url)

    def command(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run the command line; its standard error stays with the logs; return what it printed."""
        with (self.processes.logs / f"command-{next(self._calls)}.log").open("wb") as errors:
            command = [sys.executable, "-m", "newsletter", *words]
            done = subprocess.run(command, env=self.env | dict(env or {}), stdout=subprocess.PIPE, stderr=errors)
        return done.stdout.decode()

    def traces(self, finder: Finder) -> Iterator[Trace]:
        """Look for canaries in the database, in Redis, and in each file that the processes and services have."""
        for where, octets in (places.dump(self.database_url), *places.redis(self.redis_url), *places.files(self.home)):
            yield from finder.traces(where, octets)

    def close(self) -> None:
        """End what was started here."""
        self.processes.stop()
        self._valkey.stop()


@contextmanager
def set_up(home: Path, database_url: str, sink: Sink, *, with_files: bool = True) -> Iterator[Stage]:
    """Set the stage in an empty directory. `with_files`: whether files that can't be used are imported, too."""
    stage = Stage(home, database_url, sink, with_files=with_files)
    try:
        yield stage
    finally:
        stage.close()
