"""The outbox: mail to one person that must not get lost. The row is written in the transaction of the wish
itself, so that neither Redis nor the relay need be there. At least once: the same link, harmless twice."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.sealing import Unsealable, seal_json, unseal_json
from newsletter.mail import transport
from newsletter.mail.message import Email
from newsletter.mail.models import OutboxMail
from newsletter.mail.transport import InDoubt, SendError

log = logging.getLogger(__name__)

PURPOSE = "outbox"
BACK_OFF = [timedelta(seconds=20), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)]
GIVE_UP_AFTER = timedelta(hours=48)
Builder = Callable[[Any], Email | None]


def post(job: queues.JobFunction, payload: Any) -> int:
    """Add a row that waits for `job` and return its id. The caller commits, then calls `ring`."""
    row = OutboxMail(job=queues.name_of(job), sealed=seal_json(PURPOSE, payload))
    db.session.add(row)
    db.session.flush()
    return row.id


def ring(row_id: int, job: queues.JobFunction) -> None:
    """Tell a worker, after the commit."""
    queues.ring(queues.MAIL, job, row_id)


def work(row_id: int, build: Builder) -> None:
    """Build the mail of a row, send it, delete the row. Does nothing when someone else has it in hand.

    `build` gets the payload and may return None when there is nothing to send after all. A refusal for
    good, or one that lasts for two days, deletes the row: what it held is then nowhere.
    """
    row = db.session.execute(
        select(OutboxMail)
        .where(OutboxMail.id == row_id, OutboxMail.not_before <= func.now())
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if row is None:
        db.session.rollback()
        return
    try:
        email = build(unseal_json(PURPOSE, row.sealed))
        if email is not None:
            transport.send(email)
    except (SendError, InDoubt) as error:
        _again(row, error)
    except Unsealable:
        log.error("outbox mail %s can't be opened with these keys and is dropped", row_id)
        _drop(row_id)
    else:
        _drop(row_id)
    db.session.commit()


def _again(row: OutboxMail, error: SendError | InDoubt) -> None:
    permanent = isinstance(error, SendError) and error.permanent and error.recipient
    log.warning("outbox mail %s was not taken: %s", row.id, error)
    if permanent:
        _drop(row.id)
        return
    wait = BACK_OFF[min(row.attempts, len(BACK_OFF) - 1)]
    db.session.execute(
        update(OutboxMail)
        .where(OutboxMail.id == row.id)
        .values(attempts=OutboxMail.attempts + 1, not_before=func.now() + wait)
    )


def _drop(row_id: int) -> None:
    db.session.execute(delete(OutboxMail).where(OutboxMail.id == row_id))


def sweep() -> None:
    """Drop what has waited too long, and ring for every row that is due: the bell may have been lost."""
    db.session.execute(delete(OutboxMail).where(OutboxMail.created_at < func.now() - GIVE_UP_AFTER))
    due = db.session.execute(
        select(OutboxMail.id, OutboxMail.job)
        .where(OutboxMail.not_before <= func.now(), OutboxMail.created_at < func.now() - timedelta(seconds=10))
        .order_by(OutboxMail.id)
        .limit(1000)
    ).all()
    db.session.commit()
    for row_id, job in due:
        queues.ring(queues.MAIL, job, row_id)


def drop_mail_with(text: str) -> int:
    """Drop the waiting mail whose payload holds `text`, in whatever case, as one of its values; return how many.

    Opens every row: they are few, and nothing readable in them could be searched. The caller commits.
    """
    rows = db.session.execute(select(OutboxMail.id, OutboxMail.sealed)).all()
    found = [row_id for row_id, sealed in rows if text.lower() in _values(sealed)]
    for row_id in found:
        _drop(row_id)
    return len(found)


def _values(sealed: bytes) -> set[str]:
    try:
        waiting = [unseal_json(PURPOSE, sealed)]
    except Unsealable:
        return set()
    values: set[str] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            values.add(part.lower())
        elif isinstance(part, list | dict):
            waiting += part.values() if isinstance(part, dict) else part
    return values
