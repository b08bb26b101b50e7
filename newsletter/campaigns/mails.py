"""The mails of one campaign to its recipients: looks the recipient's row up, unseals it, fills the slots."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, select, text
from sqlalchemy.orm import Session

from newsletter.campaigns.compose import Issue, compile_campaign, greeting_values
from newsletter.campaigns.models import Campaign
from newsletter.core.keys import keyring
from newsletter.mail import address
from newsletter.recipients.links import CampaignLinks
from newsletter.recipients.models import Measurement, Newsletter, Recipient
from newsletter.recipients.person import Person
from newsletter.tracking.measurement import MeasurementIds, WindowEnded

_LOCKS_END = text("SET LOCAL idle_in_transaction_session_timeout = '90s'")
RecipientRow = Row[int, bytes | None, bytes | None, bytes, bool]


@dataclass(frozen=True)
class Mail:
    """One mail as the relay gets it: all octets, the message dot-stuffed (its encoding needs no stuffing)."""

    envelope_from: bytes
    to: bytes
    message: bytes


class Composer:
    """Makes the mails of one campaign: compiled once, then some microseconds each."""

    def __init__(self, session: Session, campaign: Campaign) -> None:
        newsletter = session.get_one(Newsletter, campaign.newsletter_id)
        self._campaign_id = campaign.id
        self._language = newsletter.language
        self._envelope_from = newsletter.from_address.encode("ascii")
        self._ids = _measurement_ids(newsletter, campaign.id)
        self._compiled = compile_campaign(Issue.of(newsletter, campaign), measured=self._ids is not None)
        self._links = CampaignLinks(campaign.id)
        self._addresses = address.opener()
        self._message_key = keyring().derive("campaign.message-id")
        self._unknown = greeting_values(Person(), self._language)

    def mail(self, recipient: RecipientRow) -> Mail:
        """Return the mail to one recipient, whose row the caller holds locked. Raises `Unsealable`."""
        to = self._addresses.open(recipient.address_sealed or b"")
        form, measurement_id = self._compiled.unmeasured, b""
        if recipient.measured and self._compiled.measured is not None and self._ids is not None:
            form, measurement_id = self._compiled.measured, self._ids.spell(recipient.id).encode()
        values = (
            to,
            self.message_id(recipient.id).encode(),
            self._links.unsubscribe(recipient.link_key).encode(),
            self._links.preferences(recipient.link_key).encode(),
            measurement_id,
            *self._greeting(recipient.name_sealed),
        )
        return Mail(self._envelope_from, to, form.fill(values))

    def _greeting(self, name_sealed: bytes | None) -> tuple[bytes, bytes]:
        if name_sealed is None:
            return self._unknown
        return greeting_values(Person.unsealed(name_sealed), self._language)

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


def lock_recipients(connection: Connection, recipient_ids: Sequence[int]) -> dict[int, RecipientRow]:
    """Return those who are still there, by id, and keep their rows from being deleted until the transaction ends.

    Should this process be stopped or cut off, the database ends the transaction, and with it the locks.
    """
    connection.execute(_LOCKS_END)
    query = (
        select(Recipient.id, Recipient.address_sealed, Recipient.name_sealed, Recipient.link_key, Recipient.measured)
        .where(Recipient.id.in_(recipient_ids), Recipient.address_sealed.is_not(None))
        .order_by(Recipient.id)
        .with_for_update(read=True, key_share=True)
    )
    return {row.id: row for row in connection.execute(query)}
