"""Relays to send to, each a child of its own: Postfix's smtp-sink, and the sink that answers late."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import debian, places
from bench.sink import Taken
from newsletter.demo.services import Child, free_port, spawn

BACKLOG = 1000
SECONDS = 10


@dataclass
class Relay:
    """A relay that listens on `port` of 127.0.0.1. `taken` is known of a late one, and once it has ended."""

    port: int
    pid: int
    taken: Taken | None = None


@contextmanager
def smtp_sink() -> Iterator[Relay]:
    """Run Postfix's sink, which takes mail as quickly as a process without a disk can."""
    sink, port = debian.program("smtp-sink"), free_port()
    # It insists on becoming someone else where it is root.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [str(sink.path), *user, f"127.0.0.1:{port}", str(BACKLOG)]
    child = spawn("smtp-sink", command, env=sink.env, output=subprocess.DEVNULL)
    try:
        _wait(child, port)
        yield Relay(port, child.process.pid)
    finally:
        child.stop()


@contextmanager
def late_sink(delay: float = 0.0, keep: Path | None = None) -> Iterator[Relay]:
    """Run the sink whose replies are `delay` seconds late; `keep` gets the last mail."""
    command = [sys.executable, "-m", "bench.sink", "--delay", str(delay), *(["--keep", str(keep)] if keep else [])]
    child = spawn("sink", command, env=os.environ, output=subprocess.PIPE, errors=sys.stderr.fileno(), cwd=places.ROOT)
    output = child.process.stdout
    assert output is not None
    try:
        relay = Relay(int(output.readline()), child.process.pid)
        yield relay
        child.ask_to_stop()
        relay.taken = Taken(**json.loads(output.readline()))
        child.process.wait(SECONDS)
    finally:
        child.stop()
        output.close()


def _wait(child: Child, port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while not _greets(port):
        assert child.process.poll() is None, f"{child.name} ended at once"
        assert time.monotonic() < deadline, f"{child.name} does not answer"
        time.sleep(0.05)


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return connection.recv(64).startswith(b"220")
    except OSError:
        return False
