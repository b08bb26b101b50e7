"""Measurement ids: the pseudonym of one recipient in one campaign, as the links of a mail carry it.

    <campaign, spelled by hashids>-<pseudonym and check, one integer, spelled by hashids>

The pseudonym (64 bits) is a MAC of the recipient under the campaign's key: two campaigns' pseudonyms can't be joined,
and once the key is destroyed nobody can make one from a recipient again. The check (32 bits) is a MAC too, so that
counts can't be inflated by inventing ids. Hashids only spell: every secret is in the key, which is stored sealed.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from flask import current_app
from sqlalchemy import column, delete, func, or_, select, table, update
from sqlalchemy.dialects.postgresql import insert

from newsletter.core import public_ids
from newsletter.core.db import db
from newsletter.core.errors import Conflict, NewsletterError
from newsletter.core.i18n import gettext as _
from newsletter.core.macs import Mac
from newsletter.core.public_ids import QuickSpeller
from newsletter.core.sealing import seal, unseal
from newsletter.tracking.models import Event, Link, MeasurementKey, Silenced

CAMPAIGN, RECIPIENT = "campaign", "measurement"
"""The kinds of the two words (`core.public_ids`)."""
PURPOSE = "measurement.key"
_CAMPAIGN = table("campaign", column("id"), column("started_at"))
_KEY_OCTETS, _PSEUDONYM_OCTETS, _CHECK_OCTETS = 32, 8, 4


class WindowEnded(NewsletterError):
    """The campaign is not measured: it never was, or its key has been destroyed."""


def open_window(campaign_id: int, urls: Sequence[str]) -> None:
    """Make the campaign's key, and its links 1..n in the order of `urls`, in the caller's transaction.

    Called again with the same links it changes nothing; with others it raises `Conflict`, because the
    mails that are out already would lead elsewhere.
    """
    key = seal(PURPOSE, secrets.token_bytes(_KEY_OCTETS))
    days = timedelta(days=current_app.config["MEASUREMENT_DAYS"])
    opened = db.session.execute(
        insert(MeasurementKey)
        .values(campaign_id=campaign_id, key_sealed=key, ends_at=func.now() + days)
        .on_conflict_do_nothing()
        .returning(MeasurementKey.campaign_id)
    ).first()
    if opened is not None and urls:
        rows = [{"campaign_id": campaign_id, "number": n, "url": url} for n, url in enumerate(urls, 1)]
        db.session.execute(insert(Link).values(rows))
    elif opened is None and _urls(campaign_id) != list(urls):
        raise Conflict(_("The links of a campaign can't change once it is being sent."))


def _urls(campaign_id: int) -> list[str]:
    query = select(Link.url).where(Link.campaign_id == campaign_id).order_by(Link.number)
    return list(db.session.execute(query).scalars())


class Pseudonyms:
    """What the key of one campaign makes and recognises: integers of 96 bits."""

    def __init__(self, key: bytes) -> None:
        self._pseudonyms = Mac(key, _PSEUDONYM_OCTETS, b"pseudonym")
        self._checks = Mac(key, _CHECK_OCTETS, b"check")

    def number(self, recipient_id: int) -> int:
        """Return the recipient's pseudonym and its check as one integer."""
        pseudonym = self._octets(recipient_id)
        return int.from_bytes(pseudonym + self._checks.of(pseudonym), "big")

    def pseudonym(self, recipient_id: int) -> int:
        """Return the recipient's pseudonym as PostgreSQL keeps it (a signed 64-bit integer)."""
        return int.from_bytes(self._octets(recipient_id), "big", signed=True)

    def _octets(self, recipient_id: int) -> bytes:
        return self._pseudonyms.of(recipient_id.to_bytes(8, "big"))

    def recognise(self, number: int) -> int | None:
        """Return the pseudonym as PostgreSQL keeps it (a signed 64-bit integer), or None for an invented number."""
        if number >> 8 * (_PSEUDONYM_OCTETS + _CHECK_OCTETS):
            return None
        octets = number.to_bytes(_PSEUDONYM_OCTETS + _CHECK_OCTETS, "big")
        pseudonym, check = octets[:_PSEUDONYM_OCTETS], octets[_PSEUDONYM_OCTETS:]
        if not hmac.compare_digest(check, self._checks.of(pseudonym)):
            return None
        return int.from_bytes(pseudonym, "big", signed=True)


class MeasurementIds(NamedTuple):
    """Spells the measurement ids of one campaign: a few microseconds each, no database."""

    prefix: str
    pseudonyms: Pseudonyms
    words: QuickSpeller

    @classmethod
    def for_campaign(cls, campaign_id: int) -> "MeasurementIds":
        """Read the campaign's key; raise `WindowEnded` when there is none (the mail then goes unmeasured)."""
        query = select(MeasurementKey.key_sealed).where(MeasurementKey.campaign_id == campaign_id)
        key = db.session.execute(query).scalar_one_or_none()
        if key is None:
            raise WindowEnded(_("This campaign is not measured (any more)."))
        prefix = f"{public_ids.spell(CAMPAIGN, campaign_id)}-"
        return cls(prefix, Pseudonyms(unseal(PURPOSE, key)), public_ids.speller(RECIPIENT))

    def spell(self, recipient_id: int) -> str:
        """Return the recipient's measurement id: some thirty letters, digits and one hyphen."""
        return f"{self.prefix}{self.words.encode(self.pseudonyms.number(recipient_id))}"


def pixel_url(measurement_id: str) -> str:
    """Return the address of the pixel that counts an open."""
    return f"{current_app.config['PUBLIC_URL']}/o/{measurement_id}.gif"


def click_url(measurement_id: str, number: int) -> str:
    """Return the address that counts a click on link `number` and leads to its target."""
    return f"{current_app.config['PUBLIC_URL']}/c/{measurement_id}/{number}"


def forget_key(campaign_id: int) -> None:
    """Destroy the campaign's key and its pseudonyms, in the caller's transaction. Links still lead on; tallies stay.

    The update waits for a drain that holds the key, and a drain that comes later finds none.
    """
    db.session.execute(update(MeasurementKey).where(MeasurementKey.campaign_id == campaign_id).values(key_sealed=None))
    for under_pseudonyms in (Event, Silenced):
        db.session.execute(delete(under_pseudonyms).where(under_pseudonyms.campaign_id == campaign_id))


def forget_ended() -> int:
    """Destroy the keys of all campaigns whose window has ended, commit each, return how many there were.

    When MEASUREMENT_DAYS has become shorter, this goes for the windows that were opened before, too.
    """
    days = timedelta(days=current_app.config["MEASUREMENT_DAYS"])
    sent_long_ago = select(_CAMPAIGN.c.id).where(_CAMPAIGN.c.started_at <= func.now() - days)
    query = select(MeasurementKey.campaign_id).where(
        MeasurementKey.key_sealed.is_not(None),
        or_(MeasurementKey.ends_at <= func.now(), MeasurementKey.campaign_id.in_(sent_long_ago)),
    )
    ended = list(db.session.execute(query).scalars())
    db.session.commit()
    for campaign_id in ended:
        forget_key(campaign_id)
        db.session.commit()
    return len(ended)
