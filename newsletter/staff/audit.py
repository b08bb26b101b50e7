"""The audit trail: who of the staff did what to which thing. Kept 90 days; never holds a subscriber's data."""

from flask import g, has_request_context
from flask_login import current_user
from sqlalchemy import or_, select

from newsletter.core import paging
from newsletter.core.db import db
from newsletter.core.paging import Page
from newsletter.staff.trail import AuditEntry

COMMAND_LINE, TOKEN = "command line", "token "
MAX_CHARACTERS, AT_ONCE = 200, 200


def note(action: str, subject: str, *, reason: str | None = None, remark: str = "") -> None:
    """Write down that the one who asks did `action` (like "campaign.send") to `subject`, and commit.

    Call it after the act has succeeded. `subject` is a title, a staff address or a token's name. Looks at people's
    data go by `looks.note`, which asks for the reason.
    """
    subject = subject[:MAX_CHARACTERS]
    db.session.add(AuditEntry(actor=_actor(), action=action, subject=subject, reason=reason, remark=remark))
    db.session.commit()


def act_as(actor: str) -> None:
    """Let the rest of this request be noted as done by `actor`: an API token has no session."""
    g.staff_actor = actor


def has(action: str, first_word: str) -> bool:
    """Return whether `action` was noted for a subject that begins with this word, in the time the trail is kept."""
    subject = or_(AuditEntry.subject == first_word, AuditEntry.subject.startswith(f"{first_word} ", autoescape=True))
    query = select(AuditEntry.id).where(AuditEntry.action == action, subject)
    return db.session.execute(query.limit(1)).first() is not None


def page(before: int | None = None, size: int = AT_ONCE) -> Page[AuditEntry]:
    """Return entries, newest first, older than the one with the id `before`."""
    return paging.page(select(AuditEntry), AuditEntry.id, size, before)


def latest(number: int = AT_ONCE) -> list[AuditEntry]:
    """Return the newest entries, newest first."""
    return page(size=number).rows


def _actor() -> str:
    actor: str | None = g.get("staff_actor")
    if actor is None and has_request_context() and current_user.is_authenticated:
        actor = current_user.email
    return actor or COMMAND_LINE
