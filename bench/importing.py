"""`newsletter import`: how many rows a second it takes, what they cost, and that its memory stays flat."""

import csv
import os
import random
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import people, proc
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from newsletter.demo.people import invent
from newsletter.recipients.person import FIELDS

SMALLER = 10
MORE_MEMORY_MB = 10.0


@dataclass(frozen=True)
class Run:
    """One import: processor time in microseconds a row, memory in 10^6 octets."""

    rows: int
    seconds: float
    client: float
    database: float
    peak: float


def measure(bench: Bench) -> list[Figure]:
    """Measure this section: a tenth of the largest file first, then all of it."""
    small, large = (_import(bench, number) for number in (bench.largest // SMALLER, bench.largest))
    name = f"import of {large.rows:,} rows"
    return [
        Figure(
            f"{name}: peak memory, more than at {small.rows:,}", large.peak - small.peak, "MB", MORE_MEMORY_MB, True
        ),
        Figure(name, large.rows / large.seconds, "rows/s"),
        Figure(f"{name} : of {small.rows:,}", large.rows / large.seconds / (small.rows / small.seconds), "x"),
        Figure(f"{name}: processor time", large.client, "µs/row"),
        Figure(f"{name}: PostgreSQL", large.database, "µs/row"),
        Figure(f"{name}: peak memory", large.peak, "MB"),
    ]


def _import(bench: Bench, number: int) -> Run:
    product = bench.installation
    slug = people.newsletter(f"import-{secrets.token_hex(3)}").slug
    file = product.home / "people.csv"
    _write(file, number)
    before, start = proc.processor_seconds(product.postgres_pid), time.monotonic()
    command = [sys.executable, "-m", "newsletter", "import", str(file), "--newsletter", slug, "--consent", "Umzug"]
    child = subprocess.Popen(command, env=product.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _pid, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, "the import failed"
    seconds = time.monotonic() - start
    database = proc.processor_seconds(product.postgres_pid) - before
    bench.say(f"{number:,} rows imported in {seconds:.0f} s")
    client = used.ru_utime + used.ru_stime
    return Run(number, seconds, client * 1e6 / number, database * 1e6 / number, used.ru_maxrss * 1024 / 1e6)


def _write(file: Path, number: int) -> None:
    with file.open("w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(["email", *FIELDS])
        for email, person in invent(number, random.Random(number)):  # noqa: S311  # nothing secret
            writer.writerow([email, *(getattr(person, name) for name in FIELDS)])


if __name__ == "__main__":
    run({"import": measure})
