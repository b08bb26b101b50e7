"""Staff page of a newsletter's consent text: its versions, and the one to come."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.privacy import documents, wordings
from newsletter.recipients import consent, hours, newsletters, planning, versions
from newsletter.staff import audit, guards
from newsletter.staff.models import RoleName

bp = Blueprint("consents", __name__, url_prefix="/staff/newsletters/<slug>/consent")
bp.before_request(guards.require_role(RoleName.MARKETING))


@bp.route("", methods=["GET", "POST"])
def page(slug: str) -> ResponseReturnValue:
    """Show the versions; announce one for a time ahead, or change the one that is announced."""
    newsletter = newsletters.by_slug(slug)
    at, errors = newsletter.next_consent_at, dict[str, str]()
    entered = {
        "consent_text": newsletter.next_consent_text if at else newsletter.consent_text,
        "at": hours.spell(at, newsletter.time_zone) if at else "",
    }
    if request.method == "POST":
        entered = {name: request.form.get(name, "") for name in entered}
        try:
            planning.plan(newsletter, entered["consent_text"], entered["at"])
        except Invalid as error:
            errors = error.errors
        else:
            audit.note("newsletter.consent", newsletter.title)
            flash(_("The text is announced."))
            return redirect(url_for("consents.page", slug=slug))
    return render_template(
        "staff/consent.html",
        newsletter=newsletter,
        entered=entered,
        errors=errors,
        edition=versions.in_force(newsletter, newsletter.language),
        paragraphs=consent.text(newsletter, newsletter.language).split("\n\n"),
        editions=documents.every(wordings.CONSENT, newsletter_id=newsletter.id),
    ), 422 if errors else 200


@bp.post("/withdraw")
def withdraw(slug: str) -> ResponseReturnValue:
    """Take back the text that is announced."""
    newsletter = newsletters.by_slug(slug)
    planning.withdraw(newsletter)
    audit.note("newsletter.consent", newsletter.title)
    flash(_("The announced text is withdrawn."))
    return redirect(url_for("consents.page", slug=slug))
