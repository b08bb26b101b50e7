"""The two links that every mail to a recipient carries: to leave, and to see and change what is stored.

A third kind is mailed only when it is asked for: it permits, for an hour, what an older mail in strange hands must not.

All hold the row's `link_key` and a MAC, and nothing of the person. They die with the row. Writing one takes
microseconds (no database, no cipher): a campaign writes two per mail.
"""

import struct
from datetime import UTC, datetime, timedelta

from flask import current_app

from newsletter.core import tokens
from newsletter.core.db import utcnow
from newsletter.core.errors import BadToken, Expired
from newsletter.core.i18n import gettext as _
from newsletter.core.keys import lasting

UNSUBSCRIBE, PREFERENCES, MAILED = lasting("unsubscribe"), lasting("preferences"), "preferences.mailed"
MAILED_MINUTES = 60
KEY_OCTETS = 16
_PAYLOAD = struct.Struct(">16sI")
_NO_CAMPAIGN = 0


def unsubscribe_url(link_key: bytes, campaign_id: int | None = None) -> str:
    """Return the link to leave: 48 characters behind `PUBLIC_URL/u/`. Good as long as the row is there.

    With `campaign_id` the departure is counted for that campaign (and only counted).
    """
    return unsubscribe_page(unsubscribe_token(link_key, campaign_id))


def unsubscribe_page(token: str) -> str:
    """Return where the token leads that `unsubscribe_token` makes; a campaign puts its tokens in later."""
    return f"{current_app.config['PUBLIC_URL']}/u/{token}"


def unsubscribe_token(link_key: bytes, campaign_id: int | None = None) -> str:
    """Return the token of `unsubscribe_url`."""
    return tokens.sign(UNSUBSCRIBE, _PAYLOAD.pack(link_key, campaign_id or _NO_CAMPAIGN))


def preferences_url(link_key: bytes, issued_at: datetime | None = None) -> str:
    """Return the link to the preferences; it ages `PREFERENCES_DAYS` after `issued_at` (default: now)."""
    return preferences_page(preferences_token(link_key, issued_at))


def preferences_page(token: str) -> str:
    """Return where the token leads that `preferences_token` makes."""
    return f"{current_app.config['PUBLIC_URL']}/me/{token}"


def preferences_token(link_key: bytes, issued_at: datetime | None = None) -> str:
    """Return the token of `preferences_url`."""
    seconds = int((issued_at or utcnow()).timestamp())
    return tokens.sign(PREFERENCES, _PAYLOAD.pack(link_key, seconds))


def mailed_preferences_url(link_key: bytes, issued_at: datetime | None = None) -> str:
    """Return a link to the preferences for a mail that the person has just asked for: it permits more, for an hour."""
    seconds = int((issued_at or utcnow()).timestamp())
    return preferences_page(tokens.sign(MAILED, _PAYLOAD.pack(link_key, seconds)))


def not_before(address_changed_at: datetime | None, now: datetime | None = None) -> datetime:
    """Return when a link is issued that is mailed to an address held now, and has been there since then (None: ever).

    Links tell their time in whole seconds. One to the present address never seems older than that address, and one
    to an address from before always does (`access`).
    """
    issued_at = (now or utcnow()).replace(microsecond=0)
    if address_changed_at is None or issued_at >= address_changed_at:
        return issued_at
    return address_changed_at.replace(microsecond=0) + timedelta(seconds=1)


class CampaignLinks:
    """Writes the tokens of one campaign's mails: some microseconds each. All are issued now, or with the address."""

    def __init__(self, campaign_id: int) -> None:
        self._campaign_id = campaign_id
        self._now = utcnow()
        self._seconds = int(self._now.timestamp())
        self._leaving, self._preferences = tokens.Signer(UNSUBSCRIBE), tokens.Signer(PREFERENCES)

    def unsubscribe(self, link_key: bytes) -> bytes:
        """Return what `unsubscribe_token` returns, in ASCII."""
        return self._leaving.sign(_PAYLOAD.pack(link_key, self._campaign_id))

    def preferences(self, link_key: bytes, address_changed_at: datetime | None) -> bytes:
        """Return what `preferences_token` returns, in ASCII."""
        seconds = self._seconds
        if address_changed_at is not None:
            seconds = int(not_before(address_changed_at, self._now).timestamp())
        return self._preferences.sign(_PAYLOAD.pack(link_key, seconds))


def read_unsubscribe(token: str) -> tuple[bytes, int | None]:
    """Return `(link_key, campaign_id)`; raise `BadToken`."""
    link_key, campaign_id = _read(UNSUBSCRIBE, token)
    return link_key, campaign_id or None


def read_preferences(token: str) -> bytes:
    """Return the `link_key`; raise `BadToken`, or `Expired` when the link has aged."""
    link_key, seconds = _read_either(token)
    if _age(seconds) > timedelta(days=current_app.config["PREFERENCES_DAYS"]):
        raise Expired(_("This link is too old to show your data."))
    return link_key


def read_aged_preferences(token: str) -> bytes:
    """Return the `link_key` however old the link is: enough to mail a fresh one, not to read or change anything."""
    return _read_either(token)[0]


def read_mailed(token: str) -> bytes:
    """Return the `link_key` of a link that was mailed on request within the hour; raise `BadToken` or `Expired`.

    Who holds it has the mailbox in hand now. For showing and changing what an old or forwarded mail must not permit.
    """
    link_key, seconds = _read(MAILED, token)
    if _age(seconds) > timedelta(minutes=MAILED_MINUTES):
        raise Expired(_("This link is too old for that."))
    return link_key


def issued_at(token: str) -> datetime:
    """Return when a link to the preferences was written, to the second; raise `BadToken`."""
    return datetime.fromtimestamp(_read_either(token)[1], UTC)


def _read_either(token: str) -> tuple[bytes, int]:
    try:
        return _read(PREFERENCES, token)
    except BadToken:
        return _read(MAILED, token)


def _age(seconds: int) -> timedelta:
    return utcnow() - datetime.fromtimestamp(seconds, UTC)


def _read(purpose: str, token: str) -> tuple[bytes, int]:
    payload = tokens.verify(purpose, token)
    if len(payload) != _PAYLOAD.size:
        raise BadToken("This link is not valid.")
    link_key, number = _PAYLOAD.unpack(payload)
    return link_key, number
