"""The mails of one campaign to its recipients: unseals the recipient's row, fills the slots."""

from sqlalchemy.orm import Session

from newsletter.campaigns.compose import Issue, compile_campaign, greeting_values
from newsletter.campaigns.held import Claim
from newsletter.campaigns.models import Campaign
from newsletter.core.keys import keyring, lasting
from newsletter.core.macs import Mac
from newsletter.mail import address
from newsletter.mail.pipeline import Letter
from newsletter.recipients.links import CampaignLinks
from newsletter.recipients.models import Measurement, Newsletter
from newsletter.recipients.person import Person, PersonOpener
from newsletter.tracking.measurement import MeasurementIds, WindowEnded

MESSAGE_IDS, MESSAGE_ID_OCTETS = lasting("campaign.message-id"), 16


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
        self._addresses, self._names = address.opener(), PersonOpener()
        self._message_ids = Mac(keyring().first(MESSAGE_IDS), MESSAGE_ID_OCTETS)
        self._unknown = greeting_values(Person(), self._language)

    def letter(self, claim: Claim) -> Letter:
        """Return the mail to one recipient, whose row the caller holds locked. Raises `Unsealable`.

        The message is dot-stuffed: its encoding needs no stuffing.
        """
        to = self._addresses.open(claim.address_sealed)
        form, measurement_id = self._compiled.unmeasured, b""
        if claim.measured and self._compiled.measured is not None and self._ids is not None:
            form, measurement_id = self._compiled.measured, self._ids.spell(claim.recipient_id).encode()
        values = (
            to,
            self.message_id(claim.recipient_id).encode(),
            self._links.unsubscribe(claim.link_key),
            self._links.preferences(claim.link_key, claim.address_changed_at),
            measurement_id,
            *self._greeting(claim.name_sealed),
        )
        return Letter(claim, self._envelope_from, to, form.fill(values))

    def _greeting(self, name_sealed: bytes | None) -> tuple[bytes, bytes]:
        if name_sealed is None:
            return self._unknown
        return greeting_values(self._names.open(name_sealed), self._language)

    def message_id(self, recipient_id: int) -> str:
        """Return the left part of the Message-ID: the same whenever this mail to this recipient is tried again."""
        return self._message_ids.of(f"{self._campaign_id}:{recipient_id}".encode()).hex()


def _measurement_ids(newsletter: Newsletter, campaign_id: int) -> MeasurementIds | None:
    if newsletter.measurement == Measurement.OFF:
        return None
    try:
        return MeasurementIds.for_campaign(campaign_id)
    except WindowEnded:
        return None
