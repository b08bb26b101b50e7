"""Test mails: a campaign to up to five addresses of staff, marked, unmeasured, its links harmless."""

from collections.abc import Sequence
from typing import Any

from newsletter.campaigns.models import Campaign
from newsletter.campaigns.preview import preview
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.mail import address, outbox
from newsletter.mail.message import Email, message_id
from newsletter.recipients.models import Newsletter
from newsletter.recipients.person import Person

MOST_ADDRESSES = 5
SAMPLE = Person("ms", "Dr.", "Erika", "Musterfrau")
MARK = "[Test]"


def addresses(texts: Sequence[Any], field: str = "to") -> list[str]:
    """Return one to five addresses; raise `Invalid` for `field`."""
    if not texts:
        raise Invalid({field: _("Please give at least one address.")})
    if len(texts) > MOST_ADDRESSES:
        raise Invalid({field: _("A test mail goes to up to five addresses.")})
    if not all(isinstance(text, str) for text in texts):
        raise Invalid({field: _("Each address must be text.")})
    return list(dict.fromkeys(address.parse(text, field) for text in texts))


@queues.job
def send_test_mail(row_id: int) -> None:
    """Send one test mail from the outbox."""
    outbox.work(row_id, build)


def build(payload: Any) -> Email | None:
    """Return the mail for a payload `[campaign id, address]`; None when the campaign is gone."""
    campaign_id, to = payload
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None:
        return None
    newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
    shown = preview(campaign, SAMPLE)
    return Email(
        to=to,
        subject=f"{MARK} {shown.subject}",
        text=shown.text,
        html=shown.html,
        from_name=newsletter.from_name,
        from_address=newsletter.from_address,
        reply_to=newsletter.reply_to,
        message_id=message_id(address.domain(newsletter.from_address)),
        headers={"Auto-Submitted": "auto-generated"},
    )
