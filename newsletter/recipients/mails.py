"""Mails of the service itself to one person: to confirm, to welcome, with a fresh link. Not campaigns."""

from collections.abc import Mapping
from typing import Any

from newsletter.mail import address, templates
from newsletter.mail.message import Email, message_id
from newsletter.recipients import accent, links
from newsletter.recipients.models import Newsletter, Recipient

AUTO_SUBMITTED = {"Auto-Submitted": "auto-generated"}  # RFC 3834 §5


def system_mail(
    name: str,
    newsletter: Newsletter,
    *,
    to: str,
    language: str,
    values: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Email:
    """Return the mail `templates/email/<name>` from the newsletter's sender, in `language`."""
    colours = accent.shades(newsletter.accent)
    dark = accent.shades(newsletter.accent, dark=True)
    words = templates.render(name, language, {"newsletter": newsletter, "colours": colours, "dark": dark, **values})
    return Email(
        to=to,
        subject=words.subject,
        text=words.text,
        html=words.html,
        from_name=newsletter.from_name,
        from_address=newsletter.from_address,
        reply_to=newsletter.reply_to,
        message_id=message_id(address.domain(newsletter.from_address)),
        headers={**AUTO_SUBMITTED, **(headers or {})},
    )


def to_recipient(
    name: str,
    newsletter: Newsletter,
    recipient: Recipient,
    *,
    language: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Email:
    """Return a mail to a recipient with the links to the preferences and to leave.

    The mail program may offer its own button to leave (RFC 2369 §3.2, RFC 8058 §3.1).
    """
    leave = links.unsubscribe_url(recipient.link_key)
    issued_at = links.not_before(recipient.address_changed_at)
    return system_mail(
        name,
        newsletter,
        to=address.unseal(recipient.address_sealed or b""),
        language=language or recipient.language,
        values={
            "preferences_url": links.preferences_url(recipient.link_key, issued_at),
            "unsubscribe_url": leave,
            **(values or {}),
        },
        headers={"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
