"""Replaying the journal over a database that went back in time: who has left since leaves again, before anyone asks.

Every step can be done twice. A process that dies in between leaves the marks as they were: the next begins anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import TextClause, text

from newsletter.campaigns import setback
from newsletter.core.db import db
from newsletter.journal import entries
from newsletter.journal.models import Entry
from newsletter.mail import outbox
from newsletter.optin import restraint
from newsletter.privacy import receipts

REASON = "restore"
"""Stands in a receipt that was open in the backup; when the person left is known, and by which way no more."""
AT_ONCE = 1000
MOMENT = timedelta(minutes=1)

_NEWSLETTERS = text("""
    DELETE FROM newsletter USING journal
    WHERE kind = 'newsletter' AND digest = journal_digest(newsletter.id, newsletter.created_at)
""")
# An address that was changed since is not that person's any more, and the present one is not in the backup.
_BACK = text("""
    SELECT recipient.id, receipt_id, min(at) AS at FROM recipient JOIN journal ON digest = journal_digest(link_key)
    WHERE kind = 'erased' OR (kind = 'moved' AND at > coalesce(address_changed_at, '-infinity'))
    GROUP BY recipient.id ORDER BY recipient.id
""")
_CLOSE = text(f"{receipts.CLOSE} WHERE id = :receipt_id AND closed_at IS NULL")
_DELETE = text("DELETE FROM recipient WHERE id = ANY(:ids)")
_STILL = """NOT EXISTS (
        SELECT FROM journal AS later
        WHERE later.digest = said.digest AND later.kind = '{}' AND later.at > said.at
    )"""
# Both act on mails sent already, too; the worker sees to that.
_OBJECTED = text(f"""
    WITH again AS (
        UPDATE recipient SET measured = false FROM journal AS said
        WHERE said.kind = 'objected' AND said.digest = journal_digest(link_key) AND measured
          AND {_STILL.format("agreed")}
        RETURNING recipient.id, newsletter_id
    ),
    noted AS (INSERT INTO objection (recipient_id, newsletter_id) SELECT * FROM again ON CONFLICT DO NOTHING)
    SELECT count(*) FROM again
""")  # noqa: S608
_RESTRICTED = text(f"""
    WITH again AS (
        UPDATE recipient SET restricted_at = said.at FROM journal AS said
        WHERE said.kind = 'restricted' AND said.digest = journal_digest(link_key) AND restricted_at IS NULL
          AND {_STILL.format("lifted")}
        RETURNING recipient.id, newsletter_id
    ),
    noted AS (INSERT INTO objection (recipient_id, newsletter_id) SELECT * FROM again ON CONFLICT DO NOTHING)
    SELECT count(*) FROM again
""")  # noqa: S608
_UNWANTED = text(f"""
    INSERT INTO unwanted (address_digest, until)
    SELECT digest, at + :period FROM journal AS said
    WHERE kind = 'unwanted' AND at + :period > now() AND {_STILL.format("wanted")}
    ON CONFLICT (address_digest) DO NOTHING
""")  # noqa: S608


@dataclass(frozen=True)
class Replayed:
    """What was done, in numbers: rows erased, wishes renewed, campaigns stopped, deliveries in doubt, mails dropped."""

    erased: int
    wishes: int
    campaigns: int
    deliveries: int
    mails: int


def replay(known: Iterable[Entry], *, lost: timedelta | None = None) -> Replayed:
    """Unite the journal with `known` entries and make the database what they say; commits.

    Mail that waits to be sent is dropped: most of it went out since, and some was for people who have left. Not when
    no more than a moment is `lost`, as when a database fails over: it may go out twice then, as ever.
    """
    calmed = setback.calm()
    mails = 0 if lost is not None and lost < MOMENT else outbox.drop_all()
    entries.merge(known)
    db.session.commit()
    erased = _execute(_NEWSLETTERS) + _erase_again()
    wishes = sum(db.session.execute(query).scalar_one() for query in (_OBJECTED, _RESTRICTED))
    wishes += _execute(_UNWANTED, period=restraint.UNWANTED_FOR)
    db.session.commit()
    return Replayed(erased, wishes, calmed.campaigns, calmed.deliveries, mails)


def _erase_again() -> int:
    back = db.session.execute(_BACK).all()
    for start in range(0, len(back), AT_ONCE):
        some = back[start : start + AT_ONCE]
        closings = [receipts.closing(row.receipt_id, REASON, row.at) for row in some if row.receipt_id is not None]
        if closings:
            db.session.execute(_CLOSE, closings)
        _execute(_DELETE, ids=[row.id for row in some])
        db.session.commit()
    return len(back)


def _execute(statement: TextClause, **values: object) -> int:
    return db.session.connection().execute(statement, values).rowcount
