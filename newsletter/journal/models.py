"""Tables of the journal and of the backups for which it is kept."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept


class Kind(StrEnum):
    """What a person did that a backup from before does not know. The latter of two opposites counts."""

    ERASED = "erased"
    NEWSLETTER = "newsletter"
    OBJECTED = "objected"
    AGREED = "agreed"
    RESTRICTED = "restricted"
    LIFTED = "lifted"
    UNWANTED = "unwanted"
    WANTED = "wanted"
    MOVED = "moved"


class Entry(NamedTuple):
    """An entry as it goes from store to store: `digest` has 32 octets, `at` is aware."""

    kind: Kind
    digest: bytes
    at: datetime


class JournalEntry(Model):
    """One such act. Triggers write it, in the transaction of the act, whoever changes a row by whichever way.

    `digest` finds the row again in a restored database: SHA-256 of a recipient's `link_key`, which is random and that
    row's alone; of a purged newsletter's id and birth; or the keyed digest in `unwanted`. Who has moved to another
    address is there with the row's own `address_changed_at`. `copied`: Redis has it too.
    """

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_new", "at", postgresql_where=text("NOT copied")),
        kept("journal"),
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[Kind] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    copied: Mapped[bool] = mapped_column(server_default=text("false"))


class Backup(Model):
    """A backup that `newsletter backup` has made and not deleted yet; `path` is where, on the machine it ran on."""

    __tablename__ = "backup"
    __table_args__ = kept("backups")

    path: Mapped[str] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())
