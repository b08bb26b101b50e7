"""PostgreSQL's own programs (pg_dump, pg_restore, psql): how they are called, and what their complaints mean.

The password goes by the environment of the child, never by its command line, which every user of a machine can read.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import IO, Any

from flask import current_app
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from newsletter.core.errors import NewsletterError

HANDED_ON = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
MOST_CHARACTERS = 2000
_MEANINGS = {
    "server version mismatch": "{name} is older than the server. Install the client programs of the server's version, "
    "or put their directory first in PATH.",
    "unrecognized configuration parameter": "{name} is newer than the server. Use the client programs of its version.",
    "No space left on device": "The disk is full.",
    "unsupported version": "The backup was made by a newer pg_dump. Use the client programs of its version.",
    "does not appear to be a valid archive": "This is not a backup in PostgreSQL's custom format (pg_dump -Fc).",
    "too short": "This is not a backup in PostgreSQL's custom format (pg_dump -Fc).",
}


class Failed(NewsletterError):
    """A program is missing or gave up; the text says what to do."""


def start(name: str, *arguments: str, connected: bool = False, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a program; with `connected` it gets the database to work on. Raises `Failed` when there is none.

    `options` are those of `subprocess.Popen`.
    """
    program = shutil.which(name)
    if program is None:
        raise Failed(f"{name} is not installed here. Install PostgreSQL's client programs (postgresql-client).")
    where, password = _database() if connected else ([], {})
    env = {key: value for key, value in os.environ.items() if key in HANDED_ON or key.startswith("PG")}
    command = [program, *where, *arguments]
    return subprocess.Popen(command, env=env | {"LC_ALL": "C"} | password, **options)  # noqa: S603


def output(name: str, *arguments: str, connected: bool = False) -> str:
    """Return what a program prints when it has come to its end; raise `Failed`."""
    with start(
        name, *arguments, connected=connected,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        printed, complaint = process.communicate()
    check(name, process.returncode, complaint)
    return printed.decode("utf-8", "replace")


def check(name: str, code: int, complaint: bytes) -> None:
    """Raise `Failed`, with what the complaint means, when a program did not end well."""
    if code != 0:
        text = complaint.decode("utf-8", "replace").strip()
        meaning = next((words for sign, words in _MEANINGS.items() if sign in text), "{name} has failed.")
        raise Failed(f"{meaning.format(name=name)}\n{text[-MOST_CHARACTERS:]}")


def complaints(file: IO[bytes]) -> bytes:
    """Return what a program has written to a file opened for its standard error."""
    file.seek(0)
    return file.read()


def _database() -> tuple[Sequence[str], dict[str, str]]:
    _driver, _separator, rest = current_app.config["DATABASE_URL"].partition("://")
    parts = conninfo_to_dict(f"postgresql://{rest}")
    password = parts.pop("password", None)
    return ["--dbname", make_conninfo("", **parts)], {"PGPASSWORD": str(password)} if password else {}
