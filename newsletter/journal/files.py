"""The journal as a file: a line of text per entry, so that it can be kept anywhere and read by anybody.

# newsletter journal 1, as of 2026-11-25T14:05:00.000000+00:00
erased 2026-11-25T13:59:12.345678+00:00 9f86d081884c7d65…
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from newsletter.core.errors import Unreadable
from newsletter.journal.models import Entry, Kind

ENDING = ".journal"
_FIRST = "# newsletter journal 1, as of "
_DIGEST_OCTETS = 32


def write(file: TextIO, what: Iterable[Entry], as_of: datetime) -> None:
    """Write entries, under the time up to which they are complete."""
    file.write(f"{_FIRST}{as_of.isoformat()}\n")
    for kind, digest, at in what:
        file.write(f"{kind.value} {at.isoformat()} {digest.hex()}\n")


def read(path: Path) -> list[Entry]:
    """Return the entries of a file; raise `Unreadable` for anything that is not a whole journal."""
    return list(_entries(path))


def as_of(path: Path) -> datetime:
    """Return the time up to which the journal in the file is complete; raise `Unreadable`."""
    try:
        with path.open(encoding="ascii") as file:
            first = file.readline().strip()
        if first.startswith(_FIRST):
            return datetime.fromisoformat(first.removeprefix(_FIRST))
    except (OSError, ValueError):
        pass
    raise Unreadable(f"{path} is not a journal.")


def _entries(path: Path) -> Iterator[Entry]:
    as_of(path)
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, start=1):
                if number > 1:
                    yield _entry(line)
    except (OSError, ValueError):
        raise Unreadable(f"{path} can't be read to its end: is it whole?") from None


def _entry(line: str) -> Entry:
    kind, at, digest = line.split()
    if len(digest) != 2 * _DIGEST_OCTETS or not line.endswith("\n"):
        raise ValueError(digest)
    return Entry(Kind(kind), bytes.fromhex(digest), datetime.fromisoformat(at))
