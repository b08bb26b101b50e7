"""Restraint: how often the sign-up form may have an address mailed, over page and API, whoever asks from wherever.

Decided by the worker when it is about to mail: the request does the same for every address, and can't tell by its
answer or its time what is decided (T-05). Addresses are known here by a digest under a key of its own.
"""

from datetime import timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from newsletter.core import tokens
from newsletter.core.db import db
from newsletter.core.digests import digest, digests
from newsletter.core.errors import BadToken
from newsletter.core.keys import lasting
from newsletter.mail import address
from newsletter.optin.models import ConfirmationMail, Unwanted

PURPOSE, LINK_PURPOSE = lasting("restraint.address"), lasting("not-me")
DIGEST_OCTETS = 32
ONE_PER, MOST_PER_MONTH, MONTH = timedelta(days=1), 3, timedelta(days=30)
"""For one address: a mail a day for each newsletter, three a month for all of them together. The link to
one's own data is a right: once a day, and not counted with the others, so that nobody can use it up for someone."""
UNWANTED_FOR = timedelta(days=180)

_COUNT = text("""
    INSERT INTO confirmation_mail (wish, address_digest, newsletter_id)
    SELECT :wish, :digest, CAST(:newsletter AS int)
    WHERE NOT EXISTS (SELECT FROM unwanted WHERE address_digest = ANY(:digests) AND until > now())
      AND (
        EXISTS (SELECT FROM confirmation_mail WHERE wish = :wish)
        OR (
            SELECT (CAST(:newsletter AS int) IS NULL OR count(newsletter_id) < :most)
               AND count(*) FILTER (
                       WHERE newsletter_id IS NOT DISTINCT FROM CAST(:newsletter AS int)
                         AND mailed_at > now() - :one_per
                   ) = 0
            FROM confirmation_mail WHERE address_digest = ANY(:digests) AND mailed_at > now() - :month
        )
      )
    ON CONFLICT (wish) DO UPDATE SET mailed_at = confirmation_mail.mailed_at
    RETURNING wish
""")


def take(wish: bytes, newsletter_id: int | None, email: str) -> bool:
    """Return whether this wish may have its address mailed now, and count it. The caller commits.

    Without a newsletter it is a wish for the link to one's own data.
    A wish that was told yes is told so again: the relay may have been away. Of several workers that have one address
    in hand the second waits for the first.
    """
    every = _digests(email)
    db.session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(every[0][:8], signed=True))))
    values = {
        "wish": wish,
        "digest": every[0],
        "digests": every,
        "newsletter": newsletter_id,
        "most": MOST_PER_MONTH,
        "one_per": ONE_PER,
        "month": MONTH,
    }
    return db.session.execute(_COUNT, values).first() is not None


def settle(email: str) -> None:
    """Forget what was counted for the address, and that it was unwanted: its owner has said yes. The caller commits."""
    every = _digests(email)
    for model in (ConfirmationMail, Unwanted):
        db.session.execute(delete(model).where(model.address_digest.in_(every)))


def forget_mails(email: str) -> None:
    """Forget what was counted for the address; that it was unwanted stays so: its owner wished for that. Commits."""
    db.session.execute(delete(ConfirmationMail).where(ConfirmationMail.address_digest.in_(_digests(email))))
    db.session.commit()


def not_me_token(email: str) -> str:
    """Return the token of the link "That was not me" in the confirmation mail. It holds no address."""
    return tokens.sign(LINK_PURPOSE, digest(PURPOSE, address.canonical(email)))


def check_token(token: str) -> bytes:
    """Return the digest behind the link; raise `BadToken`. Reads only."""
    found = tokens.verify(LINK_PURPOSE, token)
    if len(found) != DIGEST_OCTETS:
        raise BadToken("This link is not valid.")
    return found


def refuse(token: str) -> None:
    """Have the address behind the link mailed nothing by the form for `UNWANTED_FOR`; raise `BadToken`. Commits."""
    found = check_token(token)
    row = insert(Unwanted).values(address_digest=found, until=func.now() + UNWANTED_FOR)
    db.session.execute(row.on_conflict_do_update(index_elements=["address_digest"], set_={"until": row.excluded.until}))
    # What was counted is not needed beside it.
    db.session.execute(delete(ConfirmationMail).where(ConfirmationMail.address_digest == found))
    db.session.commit()


def forget_old() -> int:
    """Delete what has outlived its time, commit, and return how many rows that were."""
    mails = delete(ConfirmationMail).where(ConfirmationMail.mailed_at <= func.now() - MONTH)
    unwanted = delete(Unwanted).where(Unwanted.until <= func.now())
    gone = [
        *db.session.execute(mails.returning(ConfirmationMail.wish)),
        *db.session.execute(unwanted.returning(Unwanted.address_digest)),
    ]
    db.session.commit()
    return len(gone)


def _digests(email: str) -> list[bytes]:
    return digests(PURPOSE, address.canonical(email))
