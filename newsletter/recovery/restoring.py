"""Restoring a backup: in one transaction that leaves what was there when it fails; then the journal is replayed.

It drops and makes tables, and no database or schema: platforms seldom permit more.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, cast

import flask_migrate
from alembic.script import ScriptDirectory
from flask import current_app
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from newsletter.core.db import db, utcnow
from newsletter.journal import copying, entries, files, marks
from newsletter.journal.models import Entry
from newsletter.recovery import programs, replaying
from newsletter.recovery.dumping import FOR_US_ALONE
from newsletter.recovery.programs import Failed
from newsletter.recovery.replaying import Replayed

# Ours alone: an extension of the platform's may have put something beside our tables.
CLEAR = """
SET client_min_messages = warning;
DO $$ DECLARE each text; BEGIN
    FOR each IN
        SELECT format('DROP TABLE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
        UNION ALL
        SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP EXECUTE each; END LOOP;
END $$
"""
MARK = f"CREATE TABLE public.{marks.UNFINISHED} ()"
_OTHERS = text("""
    SELECT coalesce(nullif(application_name, ''), 'without a name') FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND backend_type = 'client backend'
      AND pid <> pg_backend_pid()
""")


def check(path: Path) -> None:
    """Raise `Failed` unless the file is a backup of this service that this version can use."""
    listed = programs.output("pg_restore", "--list", str(path))
    if " TABLE DATA public recipient " not in listed:
        raise Failed(f"{path} is not a backup of this service.")
    copied = programs.output("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(path))
    known = {script.revision for script in ScriptDirectory(_migrations()).walk_revisions()}
    if not known.intersection(copied.split()):
        raise Failed("The backup was made by a newer version of this service. Install that one first.")


def others() -> list[str]:
    """Return the names of other connections to the database: nobody may be at work."""
    db.session.rollback()
    return [str(name) for name in db.session.execute(_OTHERS).scalars()]


def known(path: Path, more: Iterable[Path]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield, store by store, what is known of who has left: the database, Redis, beside the backup, and `more`.

    Raises `Unreadable`.
    """
    try:
        yield "the present database", entries.every()
    except ProgrammingError:  # an empty one, to be filled
        yield "the present database has no journal", []
    finally:
        db.session.rollback()
    try:
        yield "Redis", copying.read()
    except RedisError:
        yield "Redis is away", []
    beside = path.absolute().parent.glob(f"*{files.ENDING}")
    for each in sorted({*beside, *(one.absolute() for one in more)}):
        yield each.name, files.read(each)


def restore(path: Path, journal: list[Entry]) -> Replayed:
    """Put the backup in the place of all tables, migrate, replay; raise `Failed`, with all as it was before.

    What is known of the journal is kept in a file beside the backup first: were this process killed between tables and
    journal, nobody could use the database until it is run again, and then it finds that file.
    """
    was = _mark()
    _save(path.with_name(f"{path.name}.{utcnow():%Y%m%dT%H%M%S.%f}{files.ENDING}"), journal)
    db.session.remove()
    db.engine.dispose()  # a connection of our own would be waited for
    _replace(path)
    flask_migrate.upgrade(directory=_migrations())
    done = replaying.replay(journal)
    db.session.execute(text(f"DROP TABLE IF EXISTS {marks.UNFINISHED}"))
    mark = marks.move(was)
    try:
        copying.refill()
        db.session.commit()
        marks.tell_redis(mark)
    except RedisError:
        db.session.rollback()  # the worker refills it
    return done


def _replace(path: Path) -> None:
    """Have psql do all in one transaction; what pg_restore writes reaches it by way of us.

    An end that psql sees is a success to it: only we know whether pg_restore came to its end, and kill psql if not.
    """
    with tempfile.TemporaryFile() as reading, tempfile.TemporaryFile() as writing:
        with (
            programs.start(
                "pg_restore", "--no-owner", "--no-privileges", "--schema=public", "--file=-", str(path),
                stdout=subprocess.PIPE, stderr=reading,
            ) as source,
            programs.start(
                "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction",
                f"--command={CLEAR}", "--file=-", f"--command={MARK}",
                connected=True, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=writing,
            ) as target,
        ):  # fmt: skip
            given_up = _pour(cast("IO[bytes]", source.stdout), cast("IO[bytes]", target.stdin))
            if given_up:
                source.kill()
            elif source.wait() != 0:
                target.kill()
            target.communicate()
        if not given_up:
            programs.check("pg_restore", source.returncode, programs.complaints(reading))
        programs.check("psql", target.returncode, programs.complaints(writing))


def _pour(source: IO[bytes], target: IO[bytes]) -> bool:
    """Copy all of one to the other, and return whether whoever reads that gave up before the end."""
    try:
        shutil.copyfileobj(source, target)
        target.flush()
    except BrokenPipeError:
        return True
    return False


def _mark() -> datetime | None:
    try:
        return marks.in_redis()
    except RedisError:
        return None


def _save(path: Path, journal: list[Entry]) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FOR_US_ALONE), "w") as file:
            files.write(file, journal, utcnow())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failed(f"{path} can't be written ({error.strerror}): the journal has to be safe first.") from None


def _migrations() -> str:
    return str(current_app.extensions["migrate"].directory)
