"""The outbox: mail to one person that must not get lost. The row is written in the transaction of the wish
itself, so that neither Redis nor the relay need be there. At least once: the same link, harmless twice."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, LargeBinary, String, Table, bindparam, delete, func, insert, select, update

from newsletter.core import bells, queues
from newsletter.core.db import db
from newsletter.core.driver import Statement, at_once
from newsletter.core.sealing import Unsealable, seal_json, unseal_json
from newsletter.mail import transport
from newsletter.mail.message import Email
from newsletter.mail.models import OutboxMail
from newsletter.mail.replies import InDoubt, SendError

log = logging.getLogger(__name__)

PURPOSE = "outbox"
BACK_OFF = [timedelta(seconds=20), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)]
GIVE_UP_AFTER = timedelta(hours=48)
_ROWS = cast(Table, OutboxMail.__table__)
_POST = insert(_ROWS).returning(_ROWS.c.id)
Builder = Callable[[Any], Email | None]
Wanted = Callable[[Any], bool]


def post(job: queues.JobFunction, payload: Any) -> int:
    """Add a row that waits for `job` and return its id. The caller commits, then calls `ring`."""
    return int(db.session.connection().execute(_POST, _row(job, payload)).scalar_one())


def provided(condition: ColumnElement[bool]) -> Statement:
    """Return the statement for `post_at_once` that adds a row if this is so, and nothing otherwise."""
    row = select(bindparam("job", type_=String), bindparam("sealed", type_=LargeBinary)).where(condition)
    return Statement(insert(_ROWS).from_select(["job", "sealed"], row).returning(_ROWS.c.id))


def post_at_once(statement: Statement, job: queues.JobFunction, payload: Any, **values: Any) -> int | None:
    """Add a row by a statement of `provided`, whose places get `values`, and commit; None when it was not so.

    For a wish that a visitor waits with, and that is nothing but this row: one way to the database.
    """
    with at_once() as connection:
        stored = statement.on(connection, **_row(job, payload), **values)
    return stored[0] if stored else None


def _row(job: queues.JobFunction, payload: Any) -> dict[str, Any]:
    return {"job": queues.name_of(job), "sealed": seal_json(PURPOSE, payload)}


def ring(row_id: int, job: queues.JobFunction) -> None:
    """Tell a worker, after the commit."""
    bells.ring(queues.MAIL, job, row_id)


def work(row_id: int, build: Builder, *, wanted: Wanted = lambda _payload: True) -> None:
    """Build the mail of a row, send it, delete the row. Does nothing when someone else has it in hand.

    `build` gets the payload and may return None when there is nothing to send after all. It is called when the
    relay is ready for a mail, and the mail begins at once: what `build` saw and holds locked is true at that
    moment. `wanted` is asked before, without the relay: no connection is opened for mail that goes nowhere.
    A refusal for good, or one that lasts for two days, deletes the row: what it held is then nowhere.
    """
    row = db.session.execute(
        select(OutboxMail)
        .where(OutboxMail.id == row_id, OutboxMail.not_before <= func.now())
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if row is None:
        db.session.rollback()
        return
    attempts = row.attempts
    try:
        payload = unseal_json(PURPOSE, row.sealed)
        if wanted(payload):
            _hand_over(payload, build)
    except (SendError, InDoubt) as error:
        _refused(row_id, attempts, error)
    except Unsealable:
        # A key may be missing here that another process has: two days are long enough to notice.
        log.error("outbox mail %s can't be opened: a key is missing in SECRET_KEY_FALLBACKS", row_id)
        _later(row_id, attempts)
    except Exception as error:
        # What can't be built now may be after an upgrade, and must not be tried without end until then.
        db.session.rollback()
        log.error("outbox mail %s could not be built", row_id, exc_info=error)
        _later(row_id, attempts)
    else:
        _drop(row_id)
    db.session.commit()


def _hand_over(payload: Any, build: Builder) -> None:
    with transport.relay() as connection:
        email = build(payload)
        if email is not None:
            connection.hand_over(email)


def _refused(row_id: int, attempts: int, error: SendError | InDoubt) -> None:
    log.warning("outbox mail %s was not taken: %s", row_id, error)
    if isinstance(error, SendError) and error.permanent and error.recipient:
        _drop(row_id)
    else:
        _later(row_id, attempts)


def _later(row_id: int, attempts: int) -> None:
    wait = BACK_OFF[min(attempts, len(BACK_OFF) - 1)]
    db.session.execute(
        update(OutboxMail)
        .where(OutboxMail.id == row_id)
        .values(attempts=OutboxMail.attempts + 1, not_before=func.now() + wait)
    )


def _drop(row_id: int) -> None:
    db.session.execute(delete(OutboxMail).where(OutboxMail.id == row_id))


def sweep() -> int:
    """Drop what has waited too long and return how many; ring for every row that is due: the bell may be lost."""
    # Not the row that is just being mailed: the relay may take its time, and the other periodic work can't wait.
    old = select(OutboxMail.id).where(OutboxMail.created_at < func.now() - GIVE_UP_AFTER)
    dropped = db.session.execute(
        delete(OutboxMail).where(OutboxMail.id.in_(old.with_for_update(skip_locked=True))).returning(OutboxMail.id)
    ).all()
    db.session.commit()
    _ring_for_due()
    return len(dropped)


def _ring_for_due() -> None:
    if queues.waiting(queues.MAIL):
        return  # a second bell for who has not heard the first makes the worker no quicker
    due = db.session.execute(
        select(OutboxMail.id, OutboxMail.job)
        .where(OutboxMail.not_before <= func.now(), OutboxMail.created_at < func.now() - timedelta(seconds=10))
        .order_by(OutboxMail.id)
        .limit(1000)
    ).all()
    db.session.commit()
    for row_id, job in due:
        if not queues.ring(queues.MAIL, job, row_id):
            return  # Redis is away, and would be for each of them


def drop_mail_with(text: str) -> int:
    """Drop the waiting mail whose payload holds `text`, in whatever case, as one of its values; return how many.

    Opens every row: they are few, and nothing readable in them could be searched. The caller commits.
    """
    rows = db.session.execute(select(OutboxMail.id, OutboxMail.sealed)).all()
    found = [row_id for row_id, sealed in rows if text.lower() in _values(sealed)]
    for row_id in found:
        _drop(row_id)
    return len(found)


def drop_all() -> int:
    """Drop all waiting mail, and return how many. The caller commits."""
    return len(db.session.execute(delete(OutboxMail).returning(OutboxMail.id)).all())


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
