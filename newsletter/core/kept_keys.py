"""Kept keys: of a secret that is taken away, what is still needed to recognise links, digests and seals of its time.

Each is derived for one purpose, and says nothing of the secret or of another purpose's key. They lie in the database,
sealed with the current secret, and are read once per process (docs/decisions/0023).
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db, kept
from newsletter.core.keys import EXTENSION, Keyring, keyring
from newsletter.core.sealing import Unsealable, seal_json, unseal_json

log = logging.getLogger(__name__)

PURPOSE = "kept.key"
CACHE = "newsletter-kept-keys"
_NAME_OCTETS = 8


class KeptKey(Model):
    """A key and its purpose, sealed; `name` tells it from others, and nothing else."""

    __tablename__ = "kept_key"
    __table_args__ = kept("installation")

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[bytes] = mapped_column(unique=True)
    key_sealed: Mapped[bytes]
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())


def init_app(app: Flask) -> None:
    """Let the app's keyring know what was kept."""
    ring: Keyring = app.extensions[EXTENSION]
    ring.kept = read


def read() -> dict[str, list[bytes]]:
    """Return the kept keys by purpose, newest first; from the database the first time."""
    cached: dict[str, list[bytes]] | None = current_app.extensions.get(CACHE)
    if cached is None:
        current_app.extensions[CACHE] = cached = _read()
    return cached


def _read() -> dict[str, list[bytes]]:
    found = defaultdict(list)
    for sealed in _sealed():
        try:
            purpose, key = unseal_json(PURPOSE, sealed)
        except Unsealable:
            log.error("a kept key can't be opened: SECRET_KEY_FALLBACKS lacks the secret before (newsletter doctor)")
            continue
        found[purpose].append(bytes.fromhex(key))
    return dict(found)


def _sealed() -> Sequence[bytes]:
    query = select(KeptKey.key_sealed).order_by(KeptKey.id.desc())
    # Whoever has a connection does not ask for a second one: with all others at the same, nobody would get it. Whoever
    # has none does not begin a transaction in a session that may be left alone for long.
    if db.session().in_transaction():
        return db.session.execute(query).scalars().all()
    with db.engine.connect() as connection:
        return connection.execute(query).scalars().all()


def keep_older() -> int:
    """Keep what is needed of every secret in SECRET_KEY_FALLBACKS, unless it is kept already; return how many keys.

    Commits.
    """
    rows = [
        {"name": _name(key), "key_sealed": seal_json(PURPOSE, [what, key.hex()])} for what, key in keyring().older()
    ]
    new = 0
    for row in rows:  # one by one: their order is that of their ids
        added = insert(KeptKey).values(row).on_conflict_do_nothing(index_elements=["name"]).returning(KeptKey.id)
        new += db.session.execute(added).first() is not None
    db.session.commit()
    return new


def kept_since() -> datetime | None:
    """Return when keys of SECRET_KEY_FALLBACKS were last kept; None when not all of them are, or there are none."""
    names = [_name(key) for _purpose, key in keyring().older()]
    query = select(func.count(), func.max(KeptKey.kept_at)).where(KeptKey.name.in_(names))
    number, latest = db.session.execute(query).one()
    since: datetime | None = latest if number == len(names) else None
    return since


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"name of a kept key" + key).digest()[:_NAME_OCTETS]
