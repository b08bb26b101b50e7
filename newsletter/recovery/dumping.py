"""Making backups: a dump in PostgreSQL's custom format, and the journal so far beside it. Deleting those too old."""

import os
from datetime import timedelta
from pathlib import Path

from flask import current_app

from newsletter.core.db import db, utcnow
from newsletter.journal import backups, entries, files, marks
from newsletter.recovery import programs
from newsletter.recovery.programs import Failed

UNFINISHED = ".part"
FOR_US_ALONE = 0o600
WITHOUT = ("--no-owner", "--no-privileges", "--no-comments", "--no-publications", "--no-subscriptions")


def back_up(path: Path) -> int:
    """Write a backup that nobody else may read, note it, and return its octets.

    It appears under its name when it is complete. Raises `Failed`; nothing is left then.
    """
    path = path.absolute()
    if path.exists():
        raise Failed(f"{path} exists already.")
    part = path.with_name(path.name + UNFINISHED)
    try:
        _dump(part)
        write_journal(journal_of(path))
        part.rename(path)
    except OSError as error:
        raise Failed(f"{path} can't be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    backups.note(path)
    return path.stat().st_size


def journal_of(path: Path) -> Path:
    """Return where the journal lies that goes with a backup."""
    return path.with_name(path.name + files.ENDING)


def write_journal(path: Path) -> None:
    """Write the journal so far to a file that nobody else may read; raise `OSError`."""
    as_of, known = marks.in_database() or utcnow(), entries.every()
    db.session.rollback()
    part = path.with_name(path.name + UNFINISHED)
    with os.fdopen(_opened(part), "w", encoding="ascii") as file:
        files.write(file, known, as_of)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def prune(also: Path | None = None) -> list[Path]:
    """Delete the backups older than BACKUP_KEEP_DAYS, with their journals, wherever this service wrote backups.

    A backup is what has a journal beside it, which says when it was made. Returns what was deleted; commits.
    """
    gone = []
    latest = utcnow() - timedelta(days=current_app.config["BACKUP_KEEP_DAYS"])
    for directory in sorted(backups.directories() | ({also} if also else set())):
        for journal in sorted(directory.glob(f"*{files.ENDING}")):
            if files.as_of(journal) < latest:
                path = journal.with_name(journal.name.removesuffix(files.ENDING))
                for each in (path, journal):
                    each.unlink(missing_ok=True)
                gone.append(path)
    backups.forget_old()
    return gone


def _dump(part: Path) -> None:
    part.unlink(missing_ok=True)  # what an interrupted one has left
    os.close(_opened(part))
    programs.output("pg_dump", "--format=custom", *WITHOUT, f"--file={part}", connected=True)


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FOR_US_ALONE)
