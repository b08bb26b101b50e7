"""Where things are: the project, and the programs as a platform installs them."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = ROOT / ".venv" / "production" / "bin"
"""Made by `make bench`: packages for tests would count as the service's memory, and Python is of a platform's kind."""


def python() -> str:
    """Return the interpreter that the service runs with; where `make bench` has made none, this one."""
    there = PRODUCTION / "python"
    return str(there) if there.exists() else sys.executable
