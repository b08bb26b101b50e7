"""The mails of one campaign to its recipients: unseals the recipient's row, fills the slots."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy.orm import Session

from newsletter.campaigns.compose import Issue, compile_campaign, greeting_values
from newsletter.campaigns.held import Claim
from newsletter.campaigns.models import Campaign
from newsletter.core.errors import NewsletterError
from newsletter.core.keys import keyring, lasting
from newsletter.core.macs import Mac
from newsletter.mail import address
from newsletter.mail.pipeline import Letter
from newsletter.recipients.links import CampaignLinks
from newsletter.recipients.models import Measurement, Newsletter
from newsletter.recipients.person import Person, PersonOpener
from newsletter.tracking.measurement import MeasurementIds, WindowEnded

MESSAGE_IDS, MESSAGE_ID_OCTETS = lasting("campaign.message-id"), 16
TOGETHER = 32
"""So many mails are made together: one at a time, between two writes to the relay, they cost half as much again."""
NOT_MADE = (ValueError, LookupError, NewsletterError)
"""What making a mail raises when its recipient's row is not as it should be."""


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
        self._ahead: deque[Letter] = deque()

    def letter(self, claim: Claim, following: Iterable[Claim] = ()) -> Letter:
        """Return the mail to one recipient, whose row the caller holds locked; raise `Unsealable`, or of `NOT_MADE`.

        `following` are the next in turn, held as well: the mails to some of them are made at the same time, and kept
        until they are asked for or `forget` is called. The message is dot-stuffed: its encoding needs no stuffing.
        """
        if not self._ahead or self._ahead[0].key is not claim:
            self._ahead = deque(self._made_together([claim, *islice(following, TOGETHER - 1)]))
        return self._ahead.popleft()

    def forget(self) -> None:
        """Forget the mails that were made ahead."""
        self._ahead.clear()

    def _made_together(self, claims: Sequence[Claim]) -> list[Letter]:
        """Return the mails to several, or to the first of them alone when one of the others can't be made."""
        try:
            return self._letters(claims)
        except NOT_MADE:
            return self._letters(claims[:1])

    def _letters(self, claims: Sequence[Claim]) -> list[Letter]:
        """Make the mails step by step and not one by one: a step finds the processor's caches filled by the last."""
        links = self._links
        addresses = [self._addresses.open(claim.address_sealed) for claim in claims]
        message_ids = [self.message_id(claim.recipient_id).encode() for claim in claims]
        leaving = [links.unsubscribe(claim.link_key) for claim in claims]
        preferences = [links.preferences(claim.link_key, claim.address_changed_at) for claim in claims]
        measurement_ids = [self._measurement_id(claim) for claim in claims]
        greetings = [self._greeting(claim.name_sealed) for claim in claims]
        values = zip(
            addresses, message_ids, leaving, preferences, measurement_ids, *zip(*greetings, strict=True), strict=True
        )
        return [
            Letter(claim, self._envelope_from, to, self._compiled.form(measurement_id).fill(by_slot))
            for claim, to, measurement_id, by_slot in zip(claims, addresses, measurement_ids, values, strict=True)
        ]

    def _measurement_id(self, claim: Claim) -> bytes:
        """Return the measurement id, empty when the mail is not measured."""
        return self._ids.spell(claim.recipient_id).encode() if self._ids is not None and claim.measured else b""

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
