"""Take a message from the contact page."""

from newsletter.contact import jobs
from newsletter.contact.message import Message
from newsletter.core.db import db
from newsletter.mail import outbox


def send(message: Message) -> None:
    """Seal the message as waiting mail, commit, and ring. Nothing is kept once the relay took it."""
    row_id = outbox.post(jobs.send_message, message.payload())
    db.session.commit()
    outbox.ring(row_id, jobs.send_message)
