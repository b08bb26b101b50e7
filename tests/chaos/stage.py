"""An installation of its own to play on: services that can be restarted, the relay, the Procfile's processes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rq import Worker
from sqlalchemy.exc import InterfaceError, OperationalError

from newsletter.app import create_app
from newsletter.campaigns import claims, sweep
from newsletter.config import from_env
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import Child, Service, start_valkey
from newsletter.staff import tokens
from tests.chaos.seen import ROOT, RelayProcess
from tests.environment import environment, release
from tests.procfile import Processes

QUIET_SECONDS = 10
"""Nobody who is alive leaves a lease alone for so long, while the relay answers at once."""
RELAY_TIMEOUT_SECONDS = 3
_END_DEAD_LEASES = db.text(
    "UPDATE batch SET lease_until = now() WHERE lease_until < now() + make_interval(secs => :left)"
)


class Stage:
    """Everything that a run needs. Used inside the app's context."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # Durable: what was committed must survive a crash of the server.
        self._postgres: Service = start_postgres(home / "postgres")
        self._valkey: Service = start_valkey(home / "valkey")
        self.relay = RelayProcess(home / "relay.log")
        env = environment(self._postgres.url, self._valkey.url, self.relay.port)
        env |= {"MAIL_TIMEOUT": str(RELAY_TIMEOUT_SECONDS)}
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

    def at_work(self) -> set[int]:
        """Return the process ids of the workers that have started up."""
        return {worker.pid for worker in Worker.all(connection=queues.redis()) if worker.pid is not None}

    def restart_postgres(self, how: signal.Signals = signal.SIGINT) -> None:
        """End PostgreSQL (SIGINT: in good order, everyone turned out; SIGQUIT: as in a crash), and start it again."""
        self.processes.kill(self._postgres.child, how)
        self._postgres = start_postgres(self.home / "postgres", again=self._postgres.url)

    def restart_valkey(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End Valkey and start it again."""
        self.processes.kill(self._valkey.child, how)
        self._valkey = start_valkey(self.home / "valkey", again=self._valkey.url)

    def hurry(self, *, leases: bool = True) -> None:
        """Do now what the workers would do in a while: end the leases of the dead, and sweep."""
        left = claims.LEASE_SECONDS - QUIET_SECONDS
        try:
            if leases:
                db.session.execute(_END_DEAD_LEASES, {"left": left})
                db.session.commit()
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
