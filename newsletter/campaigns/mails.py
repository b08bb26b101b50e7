"""The mails of one campaign to its recipients: looks the recipient's row up, unseals it, fills the slots."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from newsletter.campaigns.compose import Compiled, Issue, compile_campaign, greeting_values
from newsletter.campaigns.models import Campaign
from newsletter.core.keys import keyring
from newsletter.mail import address
from newsletter.recipients.links import preferences_token, unsubscribe_token
from newsletter.recipients.models import Measurement, Newsletter, Recipient
from newsletter.recipients.person import Person
from newsletter.tracking.measurement import MeasurementIds, WindowEnded

_LOCKS_END = text("SET LOCAL idle_in_transaction_session_timeout = '90s'")
RecipientRow = Row[int, bytes | None, bytes | None, bytes, bool]


@dataclass(frozen=True)
class Mail:
    """One mail as the relay gets it."""

    envelope_from: str
    to: str
    message: bytes


class Composer:
    """Makes the mails of one campaign: compiled once, then some microseconds each."""

    def __init__(self, session: Session, campaign: Campaign) -> None:
        self.newsletter = session.get_one(Newsletter, campaign.newsletter_id)
        self._campaign_id = campaign.id
        self._ids = _measurement_ids(self.newsletter, campaign.id)
        issue = Issue.of(self.newsletter, campaign)
        self._compiled: Compiled = compile_campaign(issue, measured=self._ids is not None)
        self._message_key = keyring().derive("campaign.message-id")

    def mail(self, recipient: RecipientRow) -> Mail:
        """Return the mail to one recipient, whose row the caller holds locked."""
        to = address.unseal(recipient.address_sealed or b"")
        measured = recipient.measured and self._compiled.measured is not None and self._ids is not None
        form = self._compiled.measured if measured else self._compiled.unmeasured
        if form is None:
            raise LookupError("a campaign has an unmeasured form always")
        greeting = greeting_values(Person.unsealed(recipient.name_sealed), self.newsletter.language)
        values = (
            to.encode("ascii"),
            self.message_id(recipient.id).encode(),
            unsubscribe_token(recipient.link_key, self._campaign_id).encode(),
            preferences_token(recipient.link_key).encode(),
            self._ids.spell(recipient.id).encode() if measured and self._ids else b"",
            *greeting,
        )
        return Mail(self.newsletter.from_address, to, form.fill(values))

    def message_id(self, recipient_id: int) -> str:
        """Return the left part of the Message-ID: the same whenever this mail to this recipient is tried again."""
        what = f"{self._campaign_id}:{recipient_id}".encode()
        return hmac.digest(self._message_key, what, "sha256")[:16].hex()


def _measurement_ids(newsletter: Newsletter, campaign_id: int) -> MeasurementIds | None:
    if newsletter.measurement == Measurement.OFF:
        return None
    try:
        return MeasurementIds.for_campaign(campaign_id)
    except WindowEnded:
        return None


def lock_recipients(session: Session, recipient_ids: Sequence[int]) -> dict[int, RecipientRow]:
    """Return those who are still there, by id, and keep their rows from being deleted until the transaction ends.

    Should this process be stopped or cut off, the database ends the transaction, and with it the locks.
    """
    session.execute(_LOCKS_END)
    query = (
        select(Recipient.id, Recipient.address_sealed, Recipient.name_sealed, Recipient.link_key, Recipient.measured)
        .where(Recipient.id.in_(recipient_ids), Recipient.address_sealed.is_not(None))
        .order_by(Recipient.id)
        .with_for_update(read=True, key_share=True)
    )
    return {row.id: row for row in session.execute(query)}
