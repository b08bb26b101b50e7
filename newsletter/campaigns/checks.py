"""What is looked at before a campaign is sent. What is missing blocks; what is only unwise is said."""

from dataclasses import dataclass
from enum import StrEnum

from flask import url_for

from newsletter.campaigns import audience
from newsletter.campaigns.models import Campaign
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.recipients.models import Newsletter

LONG_SUBJECT = 60


class Level(StrEnum):
    """`error` blocks the sending, `warning` does not."""

    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Check:
    """One line of the list, with the place where it can be mended."""

    level: Level
    text: str
    url: str = ""


def checks(campaign: Campaign, newsletter: Newsletter, public_id: str, *, tested: bool) -> list[Check]:
    """Return what was looked at, in the order in which one works on it."""
    edit = url_for("editor.change", public_id=public_id)
    return [
        _subject(campaign.subject, edit),
        _found(bool(campaign.markdown), _("It has a text."), _("It has no text yet."), edit),
        _recipients(newsletter),
        _imprint(newsletter),
        _tested(tested),
    ]


def ready(found: list[Check]) -> bool:
    """Return whether nothing blocks."""
    return all(check.level is not Level.ERROR for check in found)


def _found(good: bool, yes: str, no: str, url: str) -> Check:
    return Check(Level.GOOD, yes) if good else Check(Level.ERROR, no, url)


def _subject(subject: str, edit: str) -> Check:
    if len(subject) > LONG_SUBJECT:
        return Check(Level.WARNING, _("The subject is long: many mailboxes cut it after about 60 characters."), edit)
    return _found(bool(subject), _("It has a subject."), _("It has no subject yet."), edit)


def _recipients(newsletter: Newsletter) -> Check:
    number = audience.count(newsletter.id)
    sign_up = url_for("newsletters.change", slug=newsletter.slug)
    if not number:
        return Check(Level.ERROR, _("Nobody has subscribed to this newsletter yet."), sign_up)
    return Check(Level.GOOD, ngettext("It goes to %(number)s recipient.", "It goes to %(number)s recipients.", number))


def _imprint(newsletter: Newsletter) -> Check:
    if newsletter.imprint:
        return Check(Level.GOOD, _("The imprint stands below it."))
    url = url_for("newsletters.change", slug=newsletter.slug)
    return Check(Level.WARNING, _("The newsletter has no imprint. The law asks for one in every mail."), url)


def _tested(tested: bool) -> Check:
    if tested:
        return Check(Level.GOOD, _("A test mail was sent."))
    return Check(Level.WARNING, _("No test mail was sent yet. One look into your own mailbox finds most mistakes."))
