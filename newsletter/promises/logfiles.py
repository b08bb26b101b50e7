"""Looks for readable addresses in log files: those of this machine that are named, since nobody else's can be seen."""

from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from newsletter.core.db import db
from newsletter.promises.stores import ADDRESS
from newsletter.recipients.models import Newsletter
from newsletter.staff.models import Staff

SENDERS = ("MAIL_DEFAULT_SENDER", "CONTACT_PRIVACY", "CONTACT_NEWSLETTER")


def files(named: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that are named, and every *.log below the directories that are."""
    for path in named:
        yield from sorted(path.rglob("*.log")) if path.is_dir() else [path]


def lines_with_addresses(file: Path) -> int:
    """Return how many lines hold an address that is neither the staff's nor a sender's; raise `OSError`."""
    known = _known()
    with file.open("rb") as lines:
        return sum(any(found.lower() not in known for found in ADDRESS.findall(line)) for line in lines)


def _known() -> set[bytes]:
    texts = {parseaddr(current_app.config[name])[1] for name in SENDERS}
    for column in (Staff.email, Newsletter.from_address, Newsletter.reply_to):
        texts |= set(db.session.execute(select(column)).scalars())
    return {text.lower().encode() for text in texts if text}
