"""What a recipient sees and changes of the own row: name, measurement, restriction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from newsletter.core.db import db
from newsletter.core.errors import BadToken
from newsletter.mail import address
from newsletter.privacy import documents, wordings
from newsletter.privacy.documents import Edition
from newsletter.privacy.models import Receipt, Wording
from newsletter.recipients import moving
from newsletter.recipients.models import Newsletter, Objection, Recipient
from newsletter.recipients.person import Person


@dataclass(frozen=True)
class Profile:
    """Everything that is stored of one person on one newsletter, readable."""

    newsletter: Newsletter
    email: str
    person: Person
    language: str
    measured: bool
    restricted_at: datetime | None
    address_changed_at: datetime | None
    confirmed_at: datetime
    requested_at: datetime | None
    consent: str | None
    consent_language: str | None
    edition: Edition | None
    mailed_at: datetime | None
    source: str | None


def live(link_key: bytes) -> Recipient:
    """Return the recipient with this key; raise `BadToken` when there is none (any more)."""
    recipient = db.session.execute(
        select(Recipient).where(Recipient.link_key == link_key, Recipient.address_sealed.is_not(None))
    ).scalar_one_or_none()
    if recipient is None:
        raise BadToken("This link is not valid.")
    return recipient


def hold(link_key: bytes) -> Recipient | None:
    """Return the recipient with this key, or None, and keep the row from being deleted until the transaction ends.

    For whoever mails this person next: leaving waits for that mail.
    """
    return db.session.execute(
        select(Recipient)
        .where(Recipient.link_key == link_key, Recipient.address_sealed.is_not(None))
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


def profile(link_key: bytes) -> Profile:
    """Return what is stored; raise `BadToken`."""
    recipient = live(link_key)
    receipt = db.session.execute(
        select(Receipt.requested_at, Wording.text, Wording.language, Receipt.mailed_at, Receipt.source, Wording.digest)
        .join(Wording, Wording.digest == Receipt.consent_wording)
        .where(Receipt.id == recipient.receipt_id)
    ).first()
    requested_at, consent, consent_language, mailed_at, source, words = receipt or (None,) * 6
    return Profile(
        newsletter=db.session.get_one(Newsletter, recipient.newsletter_id),
        email=address.unseal(recipient.address_sealed or b""),
        person=Person.unsealed(recipient.name_sealed),
        language=recipient.language,
        measured=recipient.measured,
        restricted_at=recipient.restricted_at,
        address_changed_at=recipient.address_changed_at,
        confirmed_at=recipient.confirmed_at,
        requested_at=requested_at,
        consent=consent,
        consent_language=consent_language,
        edition=_edition(recipient.newsletter_id, words, requested_at),
        mailed_at=mailed_at,
        source=source,
    )


def _edition(newsletter_id: int, words: bytes | None, requested_at: datetime | None) -> Edition | None:
    if words is None:
        return None
    return documents.with_words(wordings.CONSENT, words, newsletter_id=newsletter_id, at=requested_at)


def rename(link_key: bytes, values: Mapping[str, Any]) -> None:
    """Store salutation, title and names, and commit; raise `Invalid` or `BadToken`."""
    _change(link_key, name_sealed=Person.parse(values).sealed())


def measure(link_key: bytes, *, agreed: bool) -> None:
    """Store whether the person may be measured, and commit; raise `BadToken`.

    An objection acts on mails sent already, too. Agreeing again acts on those sent from now on: what a person was
    not counted in stays that way.
    """
    _change(link_key, objects=not agreed, measured=agreed)


def restrict(link_key: bytes, *, wished: bool) -> None:
    """Keep what is stored and use it for nothing (Art. 18 GDPR), or lift that; commit; raise `BadToken`.

    A second wish leaves the time of the first. For mails sent before, a restriction is an objection to being
    measured, and lifting it does not end that: a mail opened meanwhile was not to be counted, and nobody keeps when.
    """
    since = func.coalesce(Recipient.restricted_at, func.now()) if wished else None
    _change(link_key, objects=wished, restricted_at=since)
    if wished:
        moving.wait_for_senders(link_key)  # who found the row before may just be beginning a mail to this person


def _change(link_key: bytes, *, objects: bool = False, **columns: Any) -> None:
    # Never a row that was emptied meanwhile: nothing may come back into it.
    changed = db.session.execute(
        update(Recipient)
        .where(Recipient.link_key == link_key, Recipient.address_sealed.is_not(None))
        .values(**columns)
        .returning(Recipient.id, Recipient.newsletter_id)
        .execution_options(synchronize_session=False)
    ).first()
    if changed is None:
        db.session.rollback()
        raise BadToken("This link is not valid.")
    if objects:
        wish = insert(Objection).values(recipient_id=changed.id, newsletter_id=changed.newsletter_id)
        db.session.execute(wish.on_conflict_do_nothing())
    db.session.commit()
