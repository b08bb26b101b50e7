"""Jobs: mail the link that confirms a new address to it, and tell the old address."""

from typing import Any

from flask import current_app

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.mail.message import Email
from newsletter.mailbox.address_change import AddressChange
from newsletter.optin import restraint
from newsletter.recipients import preferences
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
