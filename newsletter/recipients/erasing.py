"""Erasing: address and name go in one transaction, and the row with them; numbers and the closed receipt stay.

What refers to the row goes with it by the database's own `ON DELETE` clauses, and a trigger for deliveries.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import delete, func, select

from newsletter.core.db import db
from newsletter.core.driver import Connection, Statement, at_once
from newsletter.privacy import receipts
from newsletter.privacy.models import Receipt
from newsletter.recipients.models import Recipient

SENDERS_WAIT = "8s"
"""Senders hold rows for up to 5 s and begin nothing after that, so that nothing begins after these 8 s either. A
shorter wait would let a visitor's thread go sooner, and a batch in hand go on behind the answer."""
BRIEF_WAIT = "200ms"
"""For nobody but senders: meanwhile the row is locked, but not yet empty. And for whoever keeps an empty one, as a
campaign does while its audience is being written down: nobody is in it any more."""

ONE = (1,)
"""What comes of a statement that found somebody."""

_WHOSE = Statement("SELECT receipt_id FROM recipient WHERE link_key = :link_key")
# A statement is a transaction and one way to the database, its own bound on waiting included. Whatever takes a
# person away leaves a row in `gone`; the campaign may be gone while mails of it still lie in mailboxes.
_BOUND = "bound AS MATERIALIZED (SELECT set_config('lock_timeout', :wait, true))"
_BOOKS = f"""
    closed AS (
        {receipts.CLOSE} FROM gone
        WHERE receipt.id = gone.receipt_id AND receipt.id = :receipt_id AND closed_at IS NULL
    ),
    counted AS (
        INSERT INTO departure (newsletter_id, campaign_id, way, number)
        SELECT newsletter_id, (SELECT id FROM campaign WHERE id = :campaign_id), :close_reason, 1 FROM gone
        ON CONFLICT (newsletter_id, campaign_id, day, way) DO UPDATE SET number = departure.number + 1
    )
    SELECT count(*) FROM gone
"""  # noqa: S608
_ERASE = Statement(f"""
    WITH {_BOUND},
    free AS MATERIALIZED (
        SELECT id FROM recipient, bound WHERE link_key = :link_key AND address_sealed IS NOT NULL
        FOR UPDATE OF recipient SKIP LOCKED
    ),
    gone AS (DELETE FROM recipient USING free WHERE recipient.id = free.id RETURNING newsletter_id, receipt_id),
    {_BOOKS}
""")  # noqa: S608
# No column of a full unique index is among these, so this takes FOR NO KEY UPDATE and passes the senders'
# FOR KEY SHARE (PostgreSQL documentation, 13.3.2).
_EMPTY = Statement(f"""
    WITH {_BOUND},
    gone AS (
        UPDATE recipient SET address_sealed = NULL, address_digest = NULL, name_sealed = NULL FROM bound
        WHERE link_key = :link_key AND address_sealed IS NOT NULL
        RETURNING newsletter_id, receipt_id
    ),
    {_BOOKS}
""")  # noqa: S608
# This one does wait for the senders; whoever clicks twice waits with the first click.
_AWAIT = Statement(f"""
    WITH {_BOUND} SELECT FROM recipient, bound WHERE link_key = :link_key AND address_sealed IS NULL
    FOR UPDATE OF recipient
""")
_DELETE = Statement(f"""
    WITH {_BOUND} DELETE FROM recipient USING bound WHERE link_key = :link_key AND address_sealed IS NULL
""")  # noqa: S608


def erase(link_key: bytes, campaign_id: int | None, way: str) -> bool:
    """Erase the recipient with this key and commit; return False when there is none (any more).

    A row that no sender holds is deleted at once. Otherwise it is emptied at once, so that no sender finds it any
    more. Those that found it before may just be handing over mail to this person: they are waited for, but not
    longer than a mail provider waits for an answer. An empty row that something else keeps is waited for by nobody.
    `sweep_tombstones` takes what is left.
    """
    with at_once() as connection:
        whose = _WHOSE.on(connection, link_key=link_key)
        if whose is None:
            return False
        # The seal of what is closed needs to know whose it is. A receipt may be deleted meanwhile, but not exchanged.
        values = {"link_key": link_key, "campaign_id": campaign_id, **receipts.closing(whose[0], way)}
        return _at_once(connection, values) or _with_senders(connection, values)


def _at_once(connection: Connection, values: dict[str, Any]) -> bool:
    try:
        return _ERASE.on(connection, wait=BRIEF_WAIT, **values) == ONE
    except psycopg.errors.LockNotAvailable:
        return False


def _with_senders(connection: Connection, values: dict[str, Any]) -> bool:
    gone = _EMPTY.on(connection, wait=SENDERS_WAIT, **values) == ONE
    with suppress(psycopg.errors.LockNotAvailable):
        _AWAIT.on(connection, link_key=values["link_key"], wait=SENDERS_WAIT)
        _DELETE.on(connection, link_key=values["link_key"], wait=BRIEF_WAIT)
    return gone


def sweep_tombstones() -> int:
    """Delete the emptied rows that nobody holds any more, commit, and return how many they were."""
    free = select(Recipient.id).where(Recipient.address_sealed.is_(None)).with_for_update(skip_locked=True)
    gone = db.session.execute(
        delete(Recipient)
        .where(Recipient.id.in_(free))
        .returning(Recipient.id)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.commit()
    return len(gone)


def overdue_tombstones(age: timedelta) -> int:
    """Return how many people have left so long ago and still have an emptied row."""
    left = select(func.count(Recipient.id)).join(Receipt, Receipt.id == Recipient.receipt_id)
    there = left.where(Recipient.address_sealed.is_(None), Receipt.closed_at < func.now() - age)
    return db.session.execute(there).scalar_one()
