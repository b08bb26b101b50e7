"""Job: mail a message from the contact page to whoever it is for."""

from email.utils import parseaddr
from typing import Any

from flask import current_app

from newsletter.contact.message import Matter, Message
from newsletter.core import queues
from newsletter.mail import address, outbox, templates
from newsletter.mail.message import Email, message_id

SETTING = {Matter.PRIVACY: "CONTACT_PRIVACY", Matter.NEWSLETTER: "CONTACT_NEWSLETTER"}


@queues.job
def send_message(row_id: int) -> None:
    """Mail the message; with that it is nowhere here any more."""
    outbox.work(row_id, _email)


def _email(payload: Any) -> Email:
    message = Message.of_payload(payload)
    name, sender = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])
    _name, to = parseaddr(current_app.config[SETTING[message.matter]])
    words = templates.render("contact", current_app.config["LANGUAGE"], {"message": message})
    return Email(
        to=to or sender,
        subject=words.subject,
        text=words.text,
        html=words.html,
        from_name=name,
        from_address=sender,
        reply_to=message.email,
        message_id=message_id(address.domain(sender)),
        # Whoever answers automatically would answer a stranger's typing (RFC 3834 §5).
        headers={"Auto-Submitted": "auto-generated"},
    )
