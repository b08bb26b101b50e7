"""The embedded services: private, kept between starts, gone with their parent, whoever starts them and wherever."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from redis import AuthenticationError, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.demo import postgres
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import Service, ServiceError, bind, start_valkey


@contextmanager
def running(service: Service) -> Iterator[str]:
    try:
        yield service.url
    finally:
        service.stop()


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that only this user may enter, like a home."""
    path = tmp_path / "closed"
    path.mkdir(mode=0o700)
    return path


def test_postgres_keeps_its_data_below_a_closed_directory_which_stays_closed(closed: Path) -> None:
    home = closed / "postgres"

    with running(start_postgres(home)) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with running(start_postgres(home)) as url, psycopg.connect(url) as connection:
        kept = connection.execute("SELECT number FROM kept").fetchone()

    assert kept == (7,)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_postgres_never_runs_as_root(closed: Path) -> None:
    with running(start_postgres(closed / "postgres", durable=False)) as url, psycopg.connect(url) as connection:
        path = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        owner = (closed / "postgres" / "data").stat().st_uid

    assert path is not None
    assert owner != 0


def test_programs_in_a_closed_directory_are_copied_for_root_alone_and_removed_again(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_open_to_all", lambda path: False)
    copy = closed / "postgres" / postgres.COPY

    with running(start_postgres(closed / "postgres", durable=False)) as url:
        psycopg.connect(url).close()
        copied = copy.resolve() if copy.is_symlink() else None

    assert (copied is not None) == (os.geteuid() == 0)
    assert not copy.is_symlink()
    assert copied is None or not copied.exists()


def test_umlauts_are_letters_on_every_machine(postgres: str) -> None:
    with psycopg.connect(f"{postgres}/postgres") as connection:
        lower = connection.execute("SELECT lower('ÄÖÜ ẞ')").fetchone()

    assert lower == ("äöü ß",)


def test_valkey_keeps_its_data(closed: Path) -> None:
    with running(start_valkey(closed / "valkey")) as url, Redis.from_url(url) as client:
        client.set("kept", 7)
    with running(start_valkey(closed / "valkey")) as url, Redis.from_url(url) as client:
        kept = client.get("kept")

    assert kept == b"7"


def test_a_service_that_starts_again_answers_where_it_did(closed: Path) -> None:
    for start in (start_postgres, start_valkey):
        first = start(closed / start.__name__, durable=False)
        first.stop()
        with running(start(closed / start.__name__, durable=False, again=first.url)) as url:
            assert url == first.url


def test_neither_service_lets_anyone_in_without_the_password(postgres: str, valkey_url: str) -> None:
    server, port = postgres.rpartition("@")[2], valkey_url.rpartition(":")[2].partition("/")[0]

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres@{server}/postgres").close()
    with (
        Redis(host="127.0.0.1", port=int(port), retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(AuthenticationError),
    ):
        client.ping()


def test_the_password_stands_on_no_command_line(valkey_url: str, postgres: str) -> None:
    listing = subprocess.run(["ps", "-A", "-o", "args"], check=True, capture_output=True, text=True).stdout

    for url in (valkey_url, postgres):
        password = url.rpartition("@")[0].rpartition(":")[2]
        assert len(password) == 32
        assert password not in listing


def test_a_service_that_does_not_start_says_why(tmp_path: Path) -> None:
    start_postgres(tmp_path / "postgres", durable=False).stop()
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("9\n")

    with pytest.raises(ServiceError, match=r"(?s)PostgreSQL did not start.*postgres\.log.*version 9"):
        start_postgres(tmp_path / "postgres", durable=False)


def test_a_taken_port_is_not_chosen() -> None:
    with bind(0) as taken:
        number = taken.getsockname()[1]
        with bind(number, 0) as other:
            assert other.getsockname()[1] != number
        with pytest.raises(ServiceError, match=str(number)):
            bind(number)

    with bind(number, 0) as again:
        assert again.getsockname()[1] == number


PARENT = """
import subprocess, time
from newsletter.demo.services import spawn
child = spawn("sleep", ["sleep", "60"], env={"PATH": "/usr/bin:/bin"}, output=subprocess.DEVNULL)
print(child.process.pid, flush=True)
time.sleep(60)
"""


def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")
