"""A worker stays small: what only pages need is not imported there."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["flask_security", "wtforms", "flask_migrate", "granian"])
def test_a_worker_does_without(imported: set[str], package: str) -> None:
    assert package not in imported


@pytest.fixture(scope="module")
def imported() -> set[str]:
    words = [sys.executable, "-c", "import sys, worker; print(*sys.modules)"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())
