"""Erasing: address and name go in one transaction, then the row; numbers and the closed receipt stay.

What refers to the row goes with it by the database's own `ON DELETE` clauses, and a trigger for deliveries.
"""

from dataclasses import dataclass
from datetime import timedelta

import psycopg
from sqlalchemy import Integer, column, delete, func, select, table, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from newsletter.core.db import db
from newsletter.privacy import receipts
from newsletter.privacy.models import Receipt
from newsletter.recipients.models import Departure, Recipient

# Senders hold rows for up to 5 s and begin nothing after that, so that nothing begins after these 8 s either. A
# shorter wait would let a visitor's thread go sooner, and a batch in hand go on behind the answer.
_WAIT = text("SET LOCAL lock_timeout = '8s'")
_campaign = table("campaign", column("id", Integer))  # by name: recipients know nothing of campaigns


@dataclass(frozen=True)
class _Gone:
    newsletter_id: int
    receipt_id: int | None


def erase(link_key: bytes, campaign_id: int | None, way: str) -> bool:
    """Erase the recipient with this key and commit; return False when there is none (any more).

    The row is emptied at once, so that no sender finds it any more. Those that found it before may just be
    handing over mail to this person: they are waited for, but not longer than a mail provider waits for an
    answer; `sweep_tombstones` takes the empty row then.
    """
    gone = _empty(link_key)
    if gone is not None:
        if gone.receipt_id is not None:
            receipts.close(gone.receipt_id, way)
        _count(gone.newsletter_id, campaign_id, way)
    db.session.commit()
    try:
        _delete(link_key)
    except OperationalError as error:
        db.session.rollback()
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
    return gone is not None


def _empty(link_key: bytes) -> _Gone | None:
    # No column of a full unique index is among these, so this takes FOR NO KEY UPDATE and passes the
    # senders' FOR KEY SHARE (PostgreSQL documentation, 13.3.2).
    db.session.execute(_WAIT)
    row = db.session.execute(
        update(Recipient)
        .where(Recipient.link_key == link_key, Recipient.address_sealed.is_not(None))
        .values(address_sealed=None, address_digest=None, name_sealed=None)
        .returning(Recipient.newsletter_id, Recipient.receipt_id)
        .execution_options(synchronize_session=False)
    ).first()
    return _Gone(*row) if row else None


def _delete(link_key: bytes) -> None:
    # This one does wait for the senders; whoever clicks twice waits with the first click.
    db.session.execute(_WAIT)
    db.session.execute(
        delete(Recipient)
        .where(Recipient.link_key == link_key, Recipient.address_sealed.is_(None))
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _count(newsletter_id: int, campaign_id: int | None, way: str) -> None:
    # The campaign may be gone while mails of it still lie in mailboxes.
    campaign = select(_campaign.c.id).where(_campaign.c.id == campaign_id).scalar_subquery()
    row = insert(Departure).values(newsletter_id=newsletter_id, campaign_id=campaign, way=way, number=1)
    same = [Departure.newsletter_id, Departure.campaign_id, Departure.day, Departure.way]
    db.session.execute(row.on_conflict_do_update(index_elements=same, set_={"number": Departure.number + 1}))


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
