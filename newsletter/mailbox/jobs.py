"""Jobs: mail the link that confirms a new address to it, tell the old address; mail the links that someone has lost."""

from hashlib import sha256
from typing import Any

from flask import current_app

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import address, outbox
from newsletter.mail.message import Email
from newsletter.mailbox.address_change import AddressChange
from newsletter.optin import restraint
from newsletter.recipients import links, others, preferences
from newsletter.recipients.mails import system_mail
from newsletter.recipients.models import Newsletter


@queues.job
def send_address_link(row_id: int) -> None:
    """Mail the link to confirm a new address to it. As seldom as `restraint` says."""
    outbox.work(row_id, _address_link, wanted=_wanted)


@queues.job
def send_address_changed(row_id: int) -> None:
    """Tell the old address that the newsletter goes elsewhere; not where."""
    outbox.work(row_id, _address_changed)


@queues.job
def send_lost_link(row_id: int) -> None:
    """Mail the links to what is stored, if anything is. As seldom as `restraint` says."""
    outbox.work(row_id, _lost_link, wanted=_link_wanted)


def _wanted(payload: Any) -> bool:
    change = AddressChange.of_payload(payload)
    if db.session.get(Newsletter, change.newsletter_id) is None:
        return False
    return restraint.take(change.digest, change.newsletter_id, change.email)


def _address_link(payload: Any) -> Email | None:
    change = AddressChange.of_payload(payload)
    recipient = preferences.hold(change.link_key)
    if recipient is None:
        return None  # the person has left since
    public_url = current_app.config["PUBLIC_URL"]
    # Nothing of the person is said: the address may be a stranger's.
    return system_mail(
        "address_change",
        db.session.get_one(Newsletter, recipient.newsletter_id),
        to=change.email,
        language=change.language,
        values={
            "confirm_url": f"{public_url}/new-address/{change.token()}",
            "not_me_url": f"{public_url}/not-me/{restraint.not_me_token(change.email)}",
            "hours": current_app.config["CONFIRMATION_HOURS"],
        },
    )


def _address_changed(payload: Any) -> Email | None:
    newsletter_id, old, language = payload
    newsletter = db.session.get(Newsletter, newsletter_id)
    if newsletter is None:
        return None
    contact = f"{current_app.config['PUBLIC_URL']}/contact?matter=privacy"
    return system_mail("address_changed", newsletter, to=old, language=language, values={"contact_url": contact})


def _link_wanted(payload: Any) -> bool:
    email, _language, secret = payload
    return bool(others.of(email)) and restraint.take(sha256(bytes.fromhex(secret)).digest(), None, email)


def _lost_link(payload: Any) -> Email | None:
    email, language, _secret = payload
    there = [held for each in others.of(email) if (held := preferences.hold(each.link_key))]
    if not there:
        return None  # the person has left since
    newsletters = [db.session.get_one(Newsletter, recipient.newsletter_id) for recipient in there]
    urls = [
        links.mailed_preferences_url(recipient.link_key, links.not_before(recipient.address_changed_at))
        for recipient in there
    ]
    not_me = restraint.not_me_token(email)
    return system_mail(
        "lost_link",
        newsletters[0],
        to=address.unseal(there[0].address_sealed or b""),
        language=language,
        values={
            "entries": [(newsletter.title, url) for newsletter, url in zip(newsletters, urls, strict=True)],
            "not_me_url": f"{current_app.config['PUBLIC_URL']}/not-me/{not_me}",
        },
    )
