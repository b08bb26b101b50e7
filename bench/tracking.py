"""How much of a server's speed the pixel and the redirect keep: `python -m bench.tracking [seconds]`.

Prints requests a second and processor time a request for three things on the same granian with one worker: a WSGI
application that says hello and nothing else, the pixel, the redirect (both noting every event, which is then counted).
Ratios to the first are what matters; they say the same on a fast and on a slow machine. The client is a
process of its own that sends requests in bunches over a few connections (HTTP/1.1 pipelining), on loopback.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import flask_migrate

from newsletter.app import create_app
from newsletter.campaigns.models import Campaign
from newsletter.config import from_env
from newsletter.core.db import db
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import free_port, start_valkey
from newsletter.recipients import newsletters
from newsletter.tracking import buffer, measurement
from newsletter.tracking.report import report

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS, BUNCH = 8, 16
PEOPLE = 2_000


def hello(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Be the fastest application there is."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return (b"hello\n",)


@contextmanager
def granian(target: str, env: dict[str, str], *options: str) -> Iterator[tuple[int, int]]:
    """Start a server with one worker; give its port and the worker's process id; end it."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    more = ["--workers", "1", "--blocking-threads", "1", "--no-ws", "--log-level", "error", *options, target]
    server = subprocess.Popen([*command, *more], env=env, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert time.monotonic() < deadline, f"{target} does not answer"
            time.sleep(0.1)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        yield port, int(children[-1])
    finally:
        server.terminate()
        server.wait(20)


def answers(port: int) -> bool:
    """Return whether someone listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return bool(connection.recv(1))
    except OSError:
        return False


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, paths: list[str], status: int, seconds: float) -> int:
    """Ask for `paths` in turn for some seconds; return how many were answered. All must answer with `status`."""
    bunches = [
        b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths[start : start + BUNCH])
        for start in range(0, len(paths) - BUNCH + 1, BUNCH)
    ]
    connections = [socket.create_connection(("127.0.0.1", port)) for _number in range(CONNECTIONS)]
    expected, answered, turn, end = f"HTTP/1.1 {status} ".encode(), 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for connection in connections:
            connection.sendall(bunches[turn % len(bunches)])
            turn += 1
        for connection in connections:
            seen = b""
            while seen.count(b"HTTP/1.1 ") < BUNCH or not whole(seen):
                seen += connection.recv(1 << 16)
            assert seen.count(expected) == BUNCH, seen[:200]
            answered += BUNCH
    for connection in connections:
        connection.close()
    return answered


def whole(seen: bytes) -> bool:
    """Return whether the last answer has arrived to its end."""
    head, blank, body = seen[seen.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return bool(blank) and len(body) >= length


def measure(name: str, port: int, pid: int, paths: list[str], status: int, seconds: float) -> tuple[float, float]:
    """Print and return requests a second and microseconds of processor a request."""
    load(port, paths, status, 0.5)
    before, start = processor_seconds(pid), time.monotonic()
    number = load(port, paths, status, seconds)
    rate = number / (time.monotonic() - start)
    cost = (processor_seconds(pid) - before) / number * 1e6
    print(f"{name:10} {rate:9,.0f} requests/s   {cost:6.1f} µs of processor each")
    return rate, cost


def main() -> None:
    """Start services and servers, measure, print ratios."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    with tempfile.TemporaryDirectory() as directory:
        postgres = start_postgres(Path(directory) / "postgres", durable=False)
        valkey = start_valkey(Path(directory) / "valkey", durable=False)
        try:
            compare(environment(postgres.url, valkey.url), seconds)
        finally:
            valkey.stop()
            postgres.stop()


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the settings of a bare installation."""
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": "b" * 32}
    mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_DEFAULT_SENDER": "news@example.org"}
    return {**os.environ, **settings, **mail, "PUBLIC_URL": "http://localhost", "LOG_LEVEL": "error"}


def compare(env: dict[str, str], seconds: float) -> None:
    """Measure the three, and count what was noted."""
    app = create_app(from_env(env))
    with app.app_context():
        flask_migrate.upgrade()
        campaign_id, ids = measured_campaign()
        with granian("bench.tracking:hello", env) as (port, pid):
            limit, limit_cost = measure("hello", port, pid, ["/"] * PEOPLE, 200, seconds)
        with granian("newsletter.app:create_app", env, "--factory") as (port, pid):
            pixels = [urlsplit(measurement.pixel_url(mid)).path for mid in ids]
            clicks = [urlsplit(measurement.click_url(mid, 1)).path for mid in ids]
            for name, paths, status in (("pixel", pixels, 200), ("redirect", clicks, 302)):
                rate, cost = measure(name, port, pid, paths, status, seconds)
                print(
                    f"{'':10} {rate / limit:9.0%} of hello's rate   {cost / limit_cost:6.2f} times its processor time"
                )
        drained(campaign_id)


def measured_campaign() -> tuple[int, list[str]]:
    """Store a campaign with one link; return its id and the measurement ids of some people."""
    newsletter = newsletters.create({"slug": "bench", "title": "Bench", "from_address": "news@example.org"})
    campaign = Campaign(newsletter_id=newsletter.id)
    db.session.add(campaign)
    db.session.commit()
    measurement.open_window(campaign.id, ["https://www.example.org/"])
    db.session.commit()
    ids = measurement.MeasurementIds.for_campaign(campaign.id)
    return campaign.id, [ids.spell(number) for number in range(PEOPLE)]


def drained(campaign_id: int) -> None:
    """Count all that was noted and print how fast."""
    start, events = time.monotonic(), 0
    while read := buffer.drain():
        events += read
    print(f"drain      {events / (time.monotonic() - start):9,.0f} events/s   ({events:,} events)")
    figures = report(campaign_id)
    assert (figures.opens.unique, figures.clicks.unique) == (PEOPLE, PEOPLE)


if __name__ == "__main__":
    main()
