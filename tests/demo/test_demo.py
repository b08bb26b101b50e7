"""`make run` from outside: everything comes up, everything ends, the data stay."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsletter.demo.postgres import remove_copy

ROOT = Path(__file__).resolve().parent.parent.parent
LINES = re.compile(
    r"Sign-up page  (?P<signup>http://localhost:\d+/n/meine-stadtwerke)\n"
    r"Inbox         (?P<inbox>http://localhost:\d+/)\n"
    r"Staff pages   (?P<staff>http://localhost:\d+/staff/)\n"
    r"Staff login   (?P<login>http://localhost:\d+/staff/\S+)\n"
)


@contextmanager
def demo(home: Path, **more_env: str) -> Iterator[subprocess.Popen[str]]:
    """Run it in an environment that knows of no service; make sure that it ends."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter.demo"], cwd=ROOT, env=env | {"NEWSLETTER_HOME": str(home)} | more_env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def four_lines(process: subprocess.Popen[str]) -> dict[str, str]:
    """Wait until it is up, and return the addresses it printed."""
    assert process.stdout is not None
    text = "".join(process.stdout.readline() for _ in range(4))
    found = LINES.fullmatch(text)
    assert found, text + process.communicate()[1]
    return found.groupdict()


def descendants(pid: int) -> set[int]:
    """Return the children of a process, and theirs."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def wait_for_the_end_of(pids: set[int]) -> None:
    deadline = time.monotonic() + 20
    while left := {pid for pid in pids if Path(f"/proc/{pid}/exe").exists()}:
        assert time.monotonic() < deadline, f"these live on: {left}"
        time.sleep(0.05)


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


@pytest.mark.timeout(180)
def test_it_comes_up_ends_with_ctrl_c_and_keeps_its_data(tmp_path: Path) -> None:
    home = tmp_path / "var"
    with demo(home) as process:
        first = four_lines(process)
        assert [status(url) for url in first.values()] == [200] * 4
        with demo(home) as second:
            said = second.communicate(timeout=30)[1]
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        wait_for_the_end_of(children)
    # What is there after the second start was put there by the first: it seeds an empty installation only.
    with demo(home) as process:
        again = four_lines(process)
        children = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
        wait_for_the_end_of(children)
        # The next start would do this.
        remove_copy(home / "postgres")

    assert second.returncode == 1
    assert f"Another demonstration is running on {home}" in said
    assert len(children) > 5
    assert {name: again[name] for name in ("signup", "inbox", "staff")} == {
        name: first[name] for name in ("signup", "inbox", "staff")
    }
    assert again["login"] != first["login"]


@pytest.mark.timeout(120)
def test_services_that_the_environment_names_win(env: dict[str, str], tmp_path: Path) -> None:
    names = ("DATABASE_URL", "REDIS_URL", "MAIL_SERVER", "MAIL_PORT")

    with demo(tmp_path / "var", PORT=env["PORT"], **{name: env[name] for name in names}) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.terminate()
        assert process.wait(30) == 0

    assert lines[0] == f"Sign-up page  http://localhost:{env['PORT']}/n/meine-stadtwerke\n"
    assert lines[1] == "Inbox         none: mail goes to 127.0.0.1\n"
    assert not {"postgres", "valkey", "inbox"} & {path.name for path in (tmp_path / "var").iterdir()}


def test_a_wrong_setting_ends_it_with_a_message(tmp_path: Path) -> None:
    with demo(tmp_path / "var", DATABASE_URL="mysql://nowhere", REDIS_URL="redis://127.0.0.1:1") as process:
        said = process.communicate(timeout=60)[1]

    assert process.returncode == 1
    assert "DATABASE_URL must start with postgres://" in said
