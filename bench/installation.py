"""The product as it is hosted: a real PostgreSQL that keeps its word (fsync), Valkey, the Procfile's processes."""

import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from honcho.environ import parse_procfile

from bench.places import PRODUCTION, ROOT
from newsletter.app import create_app
from newsletter.config import from_env
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import Child, Service, free_port, spawn, start_valkey, tail

PUBLIC_URL = "https://news.stadtwerke-musterstadt.example"
START_SECONDS = 60
APPLICATION = "newsletter.app:create_web_app"
OK = 200


@dataclass(frozen=True)
class Web:
    """A server that answers on `port` of 127.0.0.1."""

    port: int
    pid: int


class Installation:
    """The services, and the processes that are started with `process`. Inside an app context."""

    def __init__(self, home: Path, postgres: Service, valkey: Service) -> None:
        self.home = home
        self.postgres_pid = postgres.child.process.pid
        self.env = _environment(postgres.url, valkey.url)
        self.app: Flask = create_app(from_env(self.env))
        self._commands: dict[str, str] = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
        self._started = 0

    @contextmanager
    def process(
        self, name: str, ready: Callable[[], bool], application: str = APPLICATION, **more_env: str
    ) -> Iterator[Child]:
        """Run one process of the Procfile while the context lasts; begin when it is `ready`."""
        self._started += 1
        log = self.home / f"{name}.{self._started}.log"
        with log.open("wb") as output:
            command = ["sh", "-c", self._commands[name].replace(APPLICATION, application)]
            child = spawn(name, command, env=self.env | more_env, output=output, cwd=ROOT)
        try:
            _wait(child, ready, log)
            yield child
        except BaseException:
            sys.stderr.write(tail(log))
            raise
        finally:
            child.stop()

    def release(self) -> None:
        """Migrate, as a deployment does."""
        with self.process("release", lambda: True) as child:
            assert child.process.wait(START_SECONDS) == 0, "the release failed"

    @contextmanager
    def worker(self, mail_port: int, connections: int) -> Iterator[Child]:
        """Run a worker that sends to a relay on this port, over so many connections."""
        more = {"MAIL_PORT": str(mail_port), "SENDING_CONNECTIONS": str(connections)}
        with self.process("worker", lambda: queues.has_idle_worker(queues.CAMPAIGNS), **more) as child:
            yield child

    @contextmanager
    def web(self, application: str = APPLICATION, **more_env: str) -> Iterator[Web]:
        """Run the web process, or another application with its server and options."""
        port = free_port()
        with self.process("web", lambda: _answers(port), application, PORT=str(port), **more_env) as child:
            yield Web(port, child.process.pid)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == OK)
    except OSError:
        return False


def _environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the settings of an installation, programs of this environment first."""
    programs = (str(PRODUCTION), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret key that only benchmarks use, of enough characters",
        "PUBLIC_URL": PUBLIC_URL,
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_DEFAULT_SENDER": "newsletter@stadtwerke-musterstadt.example",
        # Sign-ups are counted as they are everywhere, and none is turned away.
        "SIGNUPS_PER_MINUTE": "1000000",
        "SIGNUPS_PRESSURE": "1000000",
        "LOG_LEVEL": "warning",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "PATH": os.pathsep.join(programs),
        "LC_ALL": "C.UTF-8",
    }


def _wait(child: Child, ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        assert child.process.poll() in (None, 0), f"{child.name} ended:\n{tail(log)}"
        assert time.monotonic() < deadline, f"{child.name} is not ready:\n{tail(log)}"
        time.sleep(0.05)


@contextmanager
def installation() -> Iterator[Installation]:
    """Start the services on a fresh database, in an app context, and end them."""
    place = ROOT / "var" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=place) as directory:
        home = Path(directory)
        valkey = start_valkey(home / "valkey")
        try:
            postgres = start_postgres(home / "postgres")
            try:
                made = Installation(home, postgres, valkey)
                with made.app.app_context():
                    made.release()
                    yield made
                    db.session.remove()
                    db.engine.dispose()
            finally:
                postgres.stop()
        finally:
            valkey.stop()
