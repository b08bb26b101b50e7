"""What a campaign will look like to a person: for the preview of the staff pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import escape

from newsletter.campaigns import fields, markdown
from newsletter.campaigns.compose import Issue, render
from newsletter.campaigns.models import Campaign
from newsletter.campaigns.slots import Slot
from newsletter.core.db import db
from newsletter.recipients.models import Newsletter
from newsletter.recipients.person import Person

SAMPLE_LINK = "preview"
"""Stands for the recipient's token in a preview's links: leads to the neutral page and does nothing."""


@dataclass(frozen=True)
class Preview:
    """One mail, ready to be shown: never measured, its links to leave and to the preferences harmless."""

    subject: str
    html: str
    text: str


def preview(campaign: Campaign, person: Person) -> Preview:
    """Show a stored campaign as `person` would get it."""
    newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
    return _render(Issue.of(newsletter, campaign), person)


def preview_values(newsletter: Newsletter, values: Mapping[str, str], person: Person) -> Preview:
    """Show unsaved text; raise `Invalid` as saving it would."""
    clean = {"subject": "", "preheader": "", "markdown": ""} | fields.validated(values)
    issue = Issue(newsletter, clean["subject"], clean["preheader"], markdown.parse(clean["markdown"]))
    return _render(issue, person)


def _render(issue: Issue, person: Person) -> Preview:
    greeting = person.greeting(issue.newsletter.language)
    slots = {
        Slot.UNSUBSCRIBE: SAMPLE_LINK,
        Slot.PREFERENCES: SAMPLE_LINK,
        Slot.GREETING_TEXT: greeting,
        Slot.GREETING_HTML: str(escape(greeting)),
    }
    mail = render(issue, slots, measured=False)
    return Preview(issue.subject, mail.html, mail.text)
