"""Jobs: mail the confirmation link, and welcome whoever used it."""

from typing import Any

from flask import current_app

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.mail.message import Email
from newsletter.optin import brake, restraint
from newsletter.optin.signup import SignUp
from newsletter.privacy import proof, receipts
from newsletter.recipients import preferences
from newsletter.recipients.admission import find
from newsletter.recipients.mails import system_mail, to_recipient
from newsletter.recipients.models import Newsletter


@queues.job
def send_confirmation(row_id: int) -> None:
    """Mail the link to confirm; to someone who is subscribed already, that they are. As seldom as `restraint` says."""
    outbox.work(row_id, _confirmation, wanted=_wanted)


@queues.job
def send_welcome(row_id: int) -> None:
    """Mail the welcome with the links to change and to leave."""
    outbox.work(row_id, _welcome)


def _wanted(payload: Any) -> bool:
    signup = SignUp.of_payload(payload)
    if db.session.get(Newsletter, signup.newsletter_id) is None:
        return False
    return restraint.take(signup.digest, signup.newsletter_id, signup.email)


def _confirmation(payload: Any) -> Email | None:
    signup = SignUp.of_payload(payload)
    newsletter = db.session.get(Newsletter, signup.newsletter_id)
    if newsletter is None:
        return None
    recipient = find(newsletter.id, signup.email)
    if recipient is not None:
        return _already_subscribed(newsletter, recipient.link_key, signup)
    # After the look for the row: it is gone no sooner than the receipt is closed.
    if receipts.left_since(newsletter.id, signup.email, signup.requested_at):
        return None
    brake.note_mail()
    # Nothing of what the form held is repeated: anyone may have typed this address, and any name with it.
    return system_mail(
        "confirmation",
        newsletter,
        to=signup.email,
        language=signup.language,
        values={
            "confirm_url": f"{current_app.config['PUBLIC_URL']}/confirm/{signup.token()}",
            "not_me_url": f"{current_app.config['PUBLIC_URL']}/not-me/{restraint.not_me_token(signup.email)}",
            "hours": current_app.config["CONFIRMATION_HOURS"],
        },
    )


def _already_subscribed(newsletter: Newsletter, link_key: bytes, signup: SignUp) -> Email | None:
    recipient = preferences.hold(link_key)
    if recipient is None:
        return None
    return to_recipient("already_subscribed", newsletter, recipient, language=signup.language)


def _welcome(payload: Any) -> Email | None:
    recipient = preferences.hold(bytes.fromhex(payload["link_key"]))
    if recipient is None:
        return None  # the person has left since
    newsletter = db.session.get_one(Newsletter, recipient.newsletter_id)
    receipt = proof.of_receipt(recipient.receipt_id)
    return to_recipient("welcome", newsletter, recipient, values={"receipt": receipt})
