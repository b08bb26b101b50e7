"""An installation of its own to play on: services that can be restarted, the relay, the Procfile's processes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rq import Worker
from rq.worker import WorkerStatus
from sqlalchemy.exc import InterfaceError, OperationalError

from newsletter.app import create_app
from newsletter.campaigns import sweep
from newsletter.config import from_env
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import Child, Service, start_valkey
from newsletter.staff import tokens
from tests.chaos.seen import ROOT, RelayProcess
from tests.environment import environment, release
from tests.procfile import Processes

LEASE_SECONDS = 12
"""Short, so that runs take no longer than they must; longer than anything that is to be survived without a doubt."""
RELAY_TIMEOUT_SECONDS = 3


class Stage:
    """Everything that a run needs. Used inside the app's context."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # Durable: what was committed must survive a crash of the server.
        self._postgres: Service = start_postgres(home / "postgres")
        self._valkey: Service = start_valkey(home / "valkey")
        self.relay = RelayProcess(home / "relay.log")
        env = environment(self._postgres.url, self._valkey.url, self.relay.port)
        env |= {"MAIL_TIMEOUT": str(RELAY_TIMEOUT_SECONDS), "SENDING_LEASE_SECONDS": str(LEASE_SECONDS)}
        self.processes = Processes(ROOT / "Procfile", env, home / "logs")
        self.processes.run("release")
        self.app = create_app(from_env(env | {"LOG_LEVEL": "error"}))
        with self.app.app_context():
            self.token = tokens.create("chaos")

    def close(self) -> None:
        """End everything."""
        self.processes.stop()
        self.relay.stop()
        with self.app.app_context():
            release(self.app)
        self._valkey.stop()
        self._postgres.stop()

    def web(self) -> Child:
        """Start the web process, and wait until it answers."""
        child = self.processes.start("web")
        while self.processes.status("/healthz") != 200:
            assert child.process.poll() is None, self.processes.log()
        return child

    def worker(self, **more_env: str) -> Child:
        """Start one more worker."""
        return self.processes.start("worker", **more_env)

    def clear(self) -> None:
        """End all processes, whatever state they are in."""
        for child in self.processes.children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGCONT)
                self.processes.kill(child)
        self.processes.children.clear()
        queues.redis().flushall()
        self.relay.pace(0)

    def at_work(self, *, busy: bool = False) -> set[int]:
        """Return the process ids of the workers that have started up; with `busy`, of those that are at a job."""
        workers = [worker for worker in Worker.all(connection=queues.redis()) if worker.pid is not None]
        return {worker.pid for worker in workers if not busy or worker.get_state() == WorkerStatus.BUSY}

    def restart_postgres(self, how: signal.Signals = signal.SIGINT) -> None:
        """End PostgreSQL (SIGINT: in good order, everyone turned out; SIGQUIT: as in a crash), and start it again."""
        self.processes.kill(self._postgres.child, how)
        self._postgres = start_postgres(self.home / "postgres", again=self._postgres.url)

    def restart_valkey(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End Valkey and start it again."""
        self.processes.kill(self._valkey.child, how)
        self._valkey = start_valkey(self.home / "valkey", again=self._valkey.url)

    def hurry(self) -> None:
        """Sweep now, as the workers would in a while."""
        try:
            sweep.sweep()
        except (OperationalError, InterfaceError):  # the database may be away
            db.session.rollback()


@contextmanager
def set_up(home: Path) -> Iterator[Stage]:
    """Set the stage in an empty directory, with the app's context pushed."""
    stage = Stage(home)
    try:
        with stage.app.app_context():
            yield stage
    finally:
        stage.close()
