"""Backups: make them, restore one, and the journal of who has left since."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from redis import RedisError

from newsletter.commands.base import Finding, WrongCall, for_people, say
from newsletter.core.db import utcnow
from newsletter.journal import copying, entries, files, marks
from newsletter.journal.models import Entry
from newsletter.recovery import dumping, looking, replaying, restoring
from newsletter.recovery.programs import Failed
from newsletter.staff import audit

_FILE = click.Path(dir_okay=False, path_type=Path)
_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)


@contextmanager
def _finding() -> Iterator[None]:
    try:
        yield
    except Failed as error:
        raise Finding(str(error)) from None


@click.command("backup")
@click.argument("file", required=False, type=_FILE)
@click.option("--prune", is_flag=True, help="Delete the backups older than BACKUP_KEEP_DAYS.")
@for_people
def backup(file: Path | None, prune: bool) -> None:
    """Write a backup of the database to FILE, and the journal of who has left beside it.

    FILE is in PostgreSQL's custom format, and readable for you alone. Addresses and names in it are sealed: it is
    worth nothing without SECRET_KEY.
    """
    if file is None and not prune:
        raise WrongCall("Please name a file to write, or say --prune.")
    with _finding():
        if file is not None:
            octets = dumping.back_up(file)
            say(f"{octets} octets; the journal is {dumping.journal_of(file).name}.")
        if prune:
            for path in dumping.prune(file.absolute().parent if file else None):
                say(f"deleted: {path}")


@click.command("restore")
@click.argument("file", type=_THERE)
@click.option(
    "--journal", "more", multiple=True, type=_THERE, help="A journal that lies elsewhere; any number of them."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@for_people
def restore(file: Path, more: tuple[Path, ...], yes: bool) -> None:
    """Put a backup in the place of the database. Stop web and worker first.

    Who has left since leaves again, and who objected has objected. What was being sent is paused: nobody is mailed
    twice. When it fails, the database is as it was.
    """
    with _finding():
        restoring.check(file)
        _nobody_at_work()
        known: list[Entry] = []
        for store, found in restoring.known(file, more):
            say(f"journal: {store}: {len(found)} entries")
            known += found
        if not yes:
            _ask()
        _tell(restoring.restore(file, known))
    audit.note("database.restore", file.name)
    say("Accounts and API tokens are as they were: look at those that were closed or revoked since.")


@click.command("journal")
@click.option("--export", is_flag=True, help="Print the journal, and copy it to Redis.")
@click.option("--replay", is_flag=True, help="Replay it if the database went back in time; with --journal in any case.")
@click.option("--journal", "more", multiple=True, type=_THERE, help="With --replay: a journal to replay; any number.")
@for_people
def journal(export: bool, replay: bool, more: tuple[Path, ...]) -> None:
    """Keep or replay the journal: who has left, or objected, since a backup. It holds no addresses."""
    if export == replay or (more and not replay):
        raise WrongCall("Please say either --export or --replay.")
    if export:
        as_of = utcnow()
        files.write(sys.stdout, entries.every(), as_of)
        looking.keep()
    elif more:
        _tell(_replay_files(more))
    else:
        _look()


def _replay_files(more: tuple[Path, ...]) -> replaying.Replayed:
    known = [entry for path in more for entry in files.read(path)]
    try:
        back = marks.went_back()
        done = replaying.replay([*known, *copying.read()])
        looking.settle(back)
    except RedisError:
        done = replaying.replay(known)
        say("Redis is away: what it knows is replayed when web and worker start.")
    return done


def _look() -> None:
    try:
        done = looking.look()
    except RedisError:
        say("Redis is away: web and worker look at the journal when they start.")
    else:
        if done is not None:
            _tell(done)


def _nobody_at_work() -> None:
    names = restoring.others()
    if names:
        raise Finding(
            f"{len(names)} other connections to the database are open ({', '.join(sorted(set(names)))}). "
            "Stop web and worker, and whatever else uses it, first."
        )


def _ask() -> None:
    if not sys.stdin.isatty():
        raise WrongCall("Please confirm with --yes that the database is to be replaced.")
    click.confirm("Replace the whole database by this backup?", abort=True, err=True)


def _tell(done: replaying.Replayed) -> None:
    say(
        f"{done.erased} who have left since are gone again, {done.wishes} objections and restrictions hold again; "
        f"{done.campaigns} campaigns are stopped, {done.deliveries} of their mails are in doubt, "
        f"{done.mails} waiting mails dropped."
    )
    click.echo(done.erased)
