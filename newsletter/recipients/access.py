"""Whom a link to the preferences lets in: whoever has it, while it is young enough and the address is the one that it
was mailed to. The mailbox from before may be someone else's by now."""

from sqlalchemy import select

from newsletter.core.db import db
from newsletter.core.errors import BadToken, Expired
from newsletter.core.i18n import gettext as _
from newsletter.recipients import links
from newsletter.recipients.models import Recipient


def by_any(token: str) -> bytes:
    """Return the `link_key` of a link to the preferences; raise `BadToken`, or `Expired` when it has aged."""
    return _still(links.read_preferences(token), token)


def by_mailed(token: str) -> bytes:
    """Return the `link_key` of a link that was mailed on request within the hour; raise `BadToken` or `Expired`."""
    return _still(links.read_mailed(token), token)


def is_mailed(token: str) -> bool:
    """Return whether `by_mailed` would take the token."""
    try:
        return bool(by_mailed(token))
    except (BadToken, Expired):
        return False


def _still(link_key: bytes, token: str) -> bytes:
    changed_at = db.session.execute(
        select(Recipient.address_changed_at).where(Recipient.link_key == link_key)
    ).scalar_one_or_none()
    if changed_at is not None and links.issued_at(token) < changed_at:
        raise Expired(_("This link was mailed to an earlier address."))
    return link_key
