"""What a person can do by a mailbox: change the address of a subscription, join another newsletter, get a
lost link."""

import logging
import secrets
from collections.abc import Mapping

from newsletter.core.db import db, utcnow
from newsletter.core.errors import BadToken, Expired, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.mail import address, outbox
from newsletter.mailbox import jobs
from newsletter.mailbox.address_change import AddressChange, read
from newsletter.optin import restraint
from newsletter.optin import service as optin
from newsletter.optin.offers import Offer
from newsletter.privacy import receipts
from newsletter.recipients import admission, erasing, moving, preferences, seldom
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.preferences import Profile

log = logging.getLogger(__name__)


def ask_for_address(link_key: bytes, text: str, *, language: str) -> None:
    """Have a link to confirm mailed to the address in `text`; raise `Invalid` that names `email`, or `BadToken`.

    Nothing else happens until it is used. Does the same whether or not that address is known here, and does not look.
    """
    recipient = preferences.live(link_key)
    email = address.parse(text)
    if address.canonical(email) == address.canonical(address.unseal(recipient.address_sealed or b"")):
        raise Invalid({"email": _("This is the address that is stored.")})
    if not seldom.may("new-address", link_key):
        return
    change = AddressChange(
        link_key=link_key,
        newsletter_id=recipient.newsletter_id,
        email=email,
        language=language,
        requested_at=utcnow(),
    )
    row_id = outbox.post(jobs.send_address_link, change.payload())
    db.session.commit()
    outbox.ring(row_id, jobs.send_address_link)


def newsletter_of_change(token: str) -> Newsletter:
    """Return the newsletter whose mails are to go elsewhere; raise `BadToken` or `Expired`. Reads only."""
    return _newsletter(_read(token))


def change_address(token: str) -> Newsletter:
    """Change the address and tell the old one, in one transaction; return the newsletter.

    Once, however often and by however many it is called. Where the new address is subscribed already, it stays so as
    it was, and the old subscription ends. Raises `BadToken`, or `Expired` when the link is too old, was asked for at an
    address that is no longer the recipient's, or someone with the new address has left since.
    """
    change = _read(token)
    newsletter = _newsletter(change)
    recipient = _still_there(change)
    if recipient is None:
        return _changed_before(change, newsletter)
    if receipts.left_since(newsletter.id, change.email, change.requested_at):
        raise _too_late()
    told = outbox.post(jobs.send_address_changed, _told(recipient))
    if admission.find(newsletter.id, change.email) is not None:
        erasing.erase(change.link_key, None, moving.WAY)  # commits the mail, too
    elif moving.move(
        recipient, change.email, wish=change.digest, requested_at=change.requested_at, mailed_at=change.mailed_at
    ):
        restraint.settle(change.email)
        db.session.commit()
        moving.wait_for_senders(change.link_key)
    else:
        db.session.rollback()  # someone was quicker
        return _changed_before(change, newsletter)
    log.info("an address was changed")
    outbox.ring(told, jobs.send_address_changed)
    return db.session.get_one(Newsletter, change.newsletter_id)


def ask_for_link(text: str, *, language: str) -> None:
    """Have the links to their data mailed to whoever has the address in `text`; raise `Invalid` that names `email`.

    Does the same whether or not it is known here, and does not look.
    """
    email = address.parse(text)
    row_id = outbox.post(jobs.send_lost_link, [email, language, secrets.token_hex(16)])
    db.session.commit()
    outbox.ring(row_id, jobs.send_lost_link)


def join(profile: Profile, offer: Offer, values: Mapping[str, str], *, language: str) -> None:
    """Ask for another newsletter, with the address and the name that are stored; raise `optin.Reworded`.

    `values` says what was shown (`texts`), and whether the separate box was ticked (`measurement`). From here on it is
    a sign-up like any other.
    """
    chosen = {name: values[name] for name in (optin.TEXTS, "measurement") if name in values}
    known = {"email": profile.email, **profile.person._asdict()}
    optin.request(offer, optin.entered(known | chosen), language=language, source=moving.SOURCE)


def _read(token: str) -> AddressChange:
    change = read(token)
    if change.expires_at < utcnow():
        raise _too_late()
    return change


def _newsletter(change: AddressChange) -> Newsletter:
    newsletter = db.session.get(Newsletter, change.newsletter_id)
    if newsletter is None:
        raise BadToken("This link is not valid.")
    return newsletter


def _still_there(change: AddressChange) -> Recipient | None:
    """Return the recipient who asked, unless the address was changed since: the wish was about that one."""
    try:
        recipient = preferences.live(change.link_key)
    except BadToken:
        return None
    changed_at = recipient.address_changed_at
    return recipient if changed_at is None or changed_at < change.requested_at else None


def _changed_before(change: AddressChange, newsletter: Newsletter) -> Newsletter:
    if admission.find(newsletter.id, change.email) is None:
        raise _too_late()
    return newsletter


def _told(recipient: Recipient) -> list[str | int]:
    old = address.unseal(recipient.address_sealed or b"")
    return [recipient.newsletter_id, old, recipient.language]


def _too_late() -> Expired:
    return Expired(_("This link is too old."))
