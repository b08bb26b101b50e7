"""Programs to measure against, out of Debian's packages: taken from PATH, or unpacked into a folder of ours.

Nothing is installed: no configuration is made, no service started, no user added.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.places import ROOT

HOME = ROOT / "var" / "bench" / "debian"
PACKAGES = {
    "smtp-sink": ("postfix",),
    "smtp-source": ("postfix",),
    "wrk": ("wrk", "libluajit-5.1-2", "libluajit-5.1-common"),
}
LIBRARIES = ("usr/lib/postfix", "usr/lib/*-linux-gnu")
FURTHER = "put smtp-sink and smtp-source (from Postfix) and wrk into PATH"


class Missing(Exception):
    """A program is not here and can't be fetched; the text says what to do."""


@dataclass(frozen=True)
class Program:
    """A program and the environment in which it finds its libraries."""

    path: Path
    env: Mapping[str, str]


def program(name: str) -> Program:
    """Return the program, fetched at the first time; raise `Missing`."""
    there = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if there:
        return Program(Path(there), {"PATH": os.defpath})
    if not (found := _unpacked(name)):
        for package in PACKAGES[name]:
            _fetch(package)
        found = _unpacked(name)
    if not found:
        raise Missing(f"{name} is not in Debian's package here: {FURTHER}.")
    libraries = [str(path) for pattern in LIBRARIES for path in HOME.glob(pattern)]
    return Program(found, {"PATH": os.defpath, "LD_LIBRARY_PATH": os.pathsep.join(libraries)})


def _unpacked(name: str) -> Path | None:
    return next((path for path in (HOME / "usr/sbin" / name, HOME / "usr/bin" / name) if path.exists()), None)


def _fetch(package: str) -> None:
    downloads = HOME / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    _run(["apt-get", "download", "-qq", package], downloads)
    for archive in downloads.glob(f"{package}_*.deb"):
        _run(["dpkg-deb", "-x", str(archive), str(HOME)], downloads)


def _run(command: Sequence[str], cwd: Path) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not here: {FURTHER}.") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"{' '.join(command[:2])} failed ({last}): run apt-get update, or {FURTHER}.") from None
