"""The alarm to the administrators when the brake is pulled: one mail each, without a word about who signed up."""

from email.utils import parseaddr
from typing import Any

from flask import current_app

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import address, outbox, templates
from newsletter.mail.message import Email, message_id
from newsletter.optin import brake
from newsletter.staff import administrators


def look() -> None:
    """Pull the brake if it is time to, and mail all administrators then: once, until it is pulled anew. Commits."""
    number = brake.look()
    if not number:
        return
    payloads = [{"to": to, "number": number} for to in administrators.addresses()]
    waiting = [outbox.post(send_alarm, payload) for payload in payloads]
    db.session.commit()
    for row_id in waiting:
        outbox.ring(row_id, send_alarm)


@queues.job
def send_alarm(row_id: int) -> None:
    """Mail one administrator that the brake was pulled."""
    outbox.work(row_id, _email)


def _email(payload: Any) -> Email:
    config = current_app.config
    name, sender = parseaddr(config["MAIL_DEFAULT_SENDER"])
    values = {"number": payload["number"], "url": f"{config['PUBLIC_URL']}/staff/"}
    words = templates.render("brake", config["LANGUAGE"], values)
    return Email(
        to=payload["to"],
        subject=words.subject,
        text=words.text,
        html=words.html,
        from_name=name,
        from_address=sender,
        message_id=message_id(address.domain(sender)),
        headers={"Auto-Submitted": "auto-generated"},  # RFC 3834 §5
    )
