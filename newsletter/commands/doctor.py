"""The doctor: looks at settings, database, Redis, workers and relay, and says what it looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import click
from flask import current_app
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from newsletter.commands.base import Finding, for_people
from newsletter.core import periodic, queues, schema
from newsletter.core.db import db
from newsletter.mail import transport
from newsletter.mail.relays import Relays, relays
from newsletter.mail.replies import SendError
from newsletter.rotation import standing

LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Look:
    """One look: at what, what was seen, and whether that is as it should be."""

    at: str
    seen: str
    good: bool = True


@click.command("doctor")
@for_people
def doctor() -> None:
    """Look at the settings and at what they point to. Exit code 1 when something is not as it should be."""
    bad = 0
    for look in _looks():
        click.echo(f"{'ok     ' if look.good else 'FINDING'}  {look.at}: {look.seen}")
        bad += not look.good
    if bad:
        raise Finding(f"{bad} findings." if bad > 1 else "1 finding.")


def _looks() -> Iterator[Look]:
    # Whoever reads this line has settings that could be read: a wrong one ends the program before.
    yield Look("settings", "complete")
    parts: tuple[Callable[[], Iterator[Look]], ...] = (_public_url, _database, _keys, _redis, _relays)
    for part in parts:
        yield from part()


def _public_url() -> Iterator[Look]:
    url = current_app.config["PUBLIC_URL"]
    parts = urlsplit(url)
    if parts.scheme == "https":
        yield Look("PUBLIC_URL", url)
    else:
        # Subscribers' links would travel readably; on this machine itself they don't travel.
        yield Look("PUBLIC_URL", f"{url} is not encrypted: fine for a trial only", parts.hostname in LOCAL)


def _database() -> Iterator[Look]:
    try:
        version = db.session.execute(text("SHOW server_version")).scalar_one()
        yield Look("database", f"PostgreSQL {version}")
        there, wanted = schema.revisions()
        seen = f"revision {', '.join(sorted(there)) or 'none'}"
        if there != wanted:
            yield Look("tables", f"{seen}, not {', '.join(wanted)}: run newsletter db upgrade", good=False)
            return
        yield Look("tables", seen)
        yield _worker()
    except SQLAlchemyError as error:
        # Its text can hold the address of the server and the user's name.
        yield Look("database", f"away ({type(error).__name__}): see DATABASE_URL", good=False)


def _keys() -> Iterator[Look]:
    try:
        stand, doubtful = standing.every(), standing.receipts_not_vouched_for()
    except SQLAlchemyError:  # the database is away, or has not the tables yet: that has been said
        db.session.rollback()
        return
    for each in stand:
        if each.missing:
            seen = f"{each.missing} values of {each.column.name} need a key that is not in SECRET_KEY_FALLBACKS"
            yield Look("keys", seen, good=False)
    if doubtful:
        seen = f"{doubtful} of the oldest receipts are sealed with none of them: see newsletter proof --verify"
        yield Look("keys", seen, good=False)
    older = sum(each.older for each in stand)
    yield Look("keys", f"{older} values are sealed with an older one: newsletter keys rotate" if older else "in use")


def _worker() -> Look:
    silent = periodic.silent_seconds()
    if periodic.is_worker_there():
        return Look("worker", f"at work {silent:.0f} seconds ago")
    seen = "none was ever at work" if silent is None else f"none at work for {silent:.0f} seconds"
    return Look("worker", f"{seen}: start python worker.py", good=False)


def _redis() -> Iterator[Look]:
    try:
        info: Any = queues.redis().info("server")
        waiting = {name: queues.queue(name).count for name in queues.QUEUES}
    except RedisError as error:
        yield Look("Redis", f"away ({type(error).__name__}): see REDIS_URL", good=False)
        return
    yield Look("Redis", f"version {info.get('valkey_version') or info.get('redis_version')}")
    yield Look("queues", ", ".join(f"{name} {number}" for name, number in waiting.items()))


def _relays() -> Iterator[Look]:
    for settings in relays().all:
        where = f"{settings.server}:{settings.port}"
        try:
            with transport.Relay(Relays([(settings, 1)])):
                encrypted = "encrypted" if settings.use_tls or settings.use_ssl else "not encrypted"
                yield Look("relay", f"{where}, {encrypted}")
        except SendError as error:
            yield Look("relay", f"{where}: {error}", good=False)
