"""Jobs: mail the link to one's own data anew."""

from typing import Any

from newsletter.core import queues
from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.mail.message import Email
from newsletter.recipients import links, preferences
from newsletter.recipients.mails import to_recipient
from newsletter.recipients.models import Newsletter


@queues.job
def send_preferences_link(row_id: int) -> None:
    """Mail a fresh link to the preferences."""
    outbox.work(row_id, _preferences_link)


def _preferences_link(payload: Any) -> Email | None:
    recipient = preferences.hold(bytes.fromhex(payload["link_key"]))
    if recipient is None:
        return None  # the person has left since
    newsletter = db.session.get_one(Newsletter, recipient.newsletter_id)
    issued_at = links.not_before(recipient.address_changed_at)
    values = {"preferences_url": links.mailed_preferences_url(recipient.link_key, issued_at)}
    return to_recipient("preferences_link", newsletter, recipient, language=payload["language"], values=values)
