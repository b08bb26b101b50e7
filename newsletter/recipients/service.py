"""What a recipient can do by a link: leave, and ask for a fresh link to the preferences."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from newsletter.core import tokens
from newsletter.core.db import db, utcnow
from newsletter.core.errors import BadToken
from newsletter.core.sealing import Unsealable, seal_json, unseal_json
from newsletter.mail import address, outbox
from newsletter.recipients import erasing, jobs, links, others, preferences, seldom, undoing
from newsletter.recipients.models import Newsletter, Recipient

log = logging.getLogger(__name__)

OTHERS_PURPOSE = "unsubscribe.others"
OTHERS_SECONDS = 3600


@dataclass(frozen=True)
class Other:
    """Another newsletter that the same address is on, and the word that permits to leave it within the hour."""

    title: str
    token: str


@dataclass(frozen=True)
class Left:
    """What the page after leaving says: which newsletter it was, if that is still known, and which others there are.

    `undo` is the word that brings the recipient back; nothing but this page holds it.
    """

    newsletter: Newsletter | None = None
    others: list[Other] = field(default_factory=list)
    undo: str | None = None


def erase(link_key: bytes, campaign_id: int | None = None, way: str = "link") -> None:
    """Erase the recipient with this key and commit. Does nothing when there is none (any more).

    `way` is counted, and stands in the closed receipt: `one_click page preferences others address bounce complaint`.
    """
    if erasing.erase(link_key, campaign_id, way):
        log.info("a recipient has left: %s", way)


def newsletter_behind(token: str) -> Newsletter:
    """Return the newsletter that this link leaves; raise `BadToken` when nobody is left to leave it."""
    link_key, _campaign_id = links.read_unsubscribe(token)
    return db.session.get_one(Newsletter, preferences.live(link_key).newsletter_id)


def leave(token: str) -> None:
    """Erase who holds this unsubscribe link, at the wish of a mail program (RFC 8058 §3.2).

    A link that is not ours, or whose recipient has gone, has nothing left to do: no error.
    """
    try:
        link_key, campaign_id = links.read_unsubscribe(token)
    except BadToken:
        return
    erase(link_key, campaign_id, "one_click")


def leave_by_page(token: str) -> Left:
    """Do as `leave`, at the wish of a person on the page, and say what else this address is subscribed to."""
    try:
        link_key, campaign_id = links.read_unsubscribe(token)
    except BadToken:
        return Left()
    return leave_and_offer(link_key, campaign_id, "page")


def leave_and_offer(link_key: bytes, campaign_id: int | None, way: str) -> Left:
    """Erase, and return the newsletter left and the others with the same address."""
    try:
        recipient = preferences.live(link_key)
    except BadToken:
        erase(link_key, campaign_id, way)  # a first click may still be waiting for a mail in hand: so does this one
        return Left()
    newsletter = db.session.get_one(Newsletter, recipient.newsletter_id)
    offered, undo = _others(recipient), undoing.word(recipient)
    db.session.commit()  # read only; the erasing waits for a lock in a transaction of its own
    erase(link_key, campaign_id, way)
    return Left(newsletter, offered, undo)


def _others(recipient: Recipient) -> list[Other]:
    there = others.of(address.unseal(recipient.address_sealed or b""), recipient.newsletter_id)
    until = int(utcnow().timestamp()) + OTHERS_SECONDS
    return [Other(each.title, tokens.encode(seal_json(OTHERS_PURPOSE, [each.link_key.hex(), until]))) for each in there]


def leave_others(words: Iterable[str]) -> None:
    """Erase the rows that the page after leaving offered; a word that is too old or not ours is passed over."""
    for word in words:
        try:
            key, until = unseal_json(OTHERS_PURPOSE, tokens.decode(word))
        except (BadToken, Unsealable):
            continue
        if until >= utcnow().timestamp():
            erase(bytes.fromhex(key), None, "others")


def mail_fresh_link(token: str, *, language: str) -> None:
    """Mail a fresh link to whom an aged preferences link belongs; raise `BadToken`. A few a day, then no more."""
    link_key = links.read_aged_preferences(token)
    preferences.live(link_key)
    if not seldom.may("fresh-link", link_key):
        return
    row_id = outbox.post(jobs.send_preferences_link, {"link_key": link_key.hex(), "language": language})
    db.session.commit()
    outbox.ring(row_id, jobs.send_preferences_link)
