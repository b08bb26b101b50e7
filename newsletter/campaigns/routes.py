"""Staff pages of campaigns: the overview, the list, one campaign's page, and what one can do with it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from newsletter.campaigns import audience, checks, faults, listing, replies, service, trail
from newsletter.campaigns.counts import counts, counts_of
from newsletter.campaigns.figures import figures
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.campaigns.progress import progress
from newsletter.core import public_ids
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.recipients import hours, newsletters
from newsletter.recipients.models import Newsletter
from newsletter.staff import audit, guards
from newsletter.staff.models import RoleName

bp = Blueprint("campaigns", __name__, url_prefix="/staff")
bp.before_request(guards.require_role(RoleName.MARKETING))

RECENT = 8
Act = Callable[[Campaign], Any]


@bp.get("/")
def overview() -> ResponseReturnValue:
    """Show newsletters, recent campaigns, and for each what comes next."""
    every, recipients = newsletters.every(), newsletters.count_recipients_of_all()
    return render_template(
        "staff/overview.html",
        newsletters=[(newsletter, recipients.get(newsletter.id, 0)) for newsletter in every],
        campaigns=_rows(service.every(limit=RECENT), every),
    )


@bp.get("/campaigns")
def index() -> ResponseReturnValue:
    """List the campaigns, all or those of one newsletter or in one state, a page at a time."""
    every = newsletters.every()
    slug, state = request.args.get("newsletter", ""), request.args.get("state", "")
    before = request.args.get("before", "")
    chosen = next((newsletter for newsletter in every if newsletter.slug == slug), None)
    found = listing.page(chosen, state, public_ids.read(service.KIND, before) if before else None)
    rows = _rows(found.rows, every)
    return render_template(
        "staff/campaigns.html",
        newsletters=every,
        campaigns=rows,
        states=list(CampaignState),
        slug=slug,
        state=state,
        before=before,
        older_than=rows[-1]["id"] if found.has_older else "",
    )


def _rows(campaigns: list[Campaign], every: list[Newsletter]) -> list[dict[str, Any]]:
    by_id = {newsletter.id: newsletter for newsletter in every}
    numbers = counts_of([campaign.id for campaign in campaigns if campaign.started_at])
    return [
        {
            "campaign": campaign,
            "id": service.public_id(campaign),
            "newsletter": by_id[campaign.newsletter_id],
            "counts": numbers.get(campaign.id),
        }
        for campaign in campaigns
    ]


@bp.get("/campaigns/<public_id>")
def page(public_id: str) -> ResponseReturnValue:
    """Show one campaign: before the sending its checks, then its progress, then its report."""
    return _page(service.by_public_id(public_id))


def _page(campaign: Campaign, problem: str = "", to: str = "", to_error: str = "") -> str:
    public_id = service.public_id(campaign)
    newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
    values: dict[str, Any] = {"progress": progress(campaign), "replies": replies.latest(campaign.id)}
    if campaign.scheduled_at:
        values["opens_at"] = hours.opens_at(newsletter, campaign.scheduled_at)
    if campaign.started_at:
        values["figures"] = figures(campaign, values["progress"].counts)
    else:
        tested = trail.is_tested(campaign)
        values["checks"] = checks.checks(campaign, newsletter, public_id, tested=tested)
        values["ready"] = checks.ready(values["checks"])
    return render_template(
        "staff/campaign.html",
        campaign=campaign,
        id=public_id,
        newsletter=newsletter,
        problem=problem,
        pause_reason=faults.explain(campaign.pause_reason or ""),
        advice=faults.advise(campaign.pause_reason or ""),
        to=to or current_user.email,
        to_error=to_error,
        **values,
    )


@bp.get("/campaigns/<public_id>/progress")
def live(public_id: str) -> ResponseReturnValue:
    """Answer the part of the page that moves, for a script that asks again and again."""
    campaign = service.by_public_id(public_id)
    return render_template(
        "staff/_progress.html",
        campaign=campaign,
        newsletter=newsletters.by_id(campaign.newsletter_id),
        progress=progress(campaign),
        replies=replies.latest(campaign.id),
    )


@bp.post("/campaigns/<public_id>/test")
def test(public_id: str) -> ResponseReturnValue:
    """Mail a test to up to five addresses."""
    campaign = service.by_public_id(public_id)
    text = request.form.get("to", "")
    try:
        service.send_test(campaign, text.replace(",", " ").replace(";", " ").split())
    except Invalid as error:
        return _page(campaign, to=text, to_error=" ".join(error.errors.values())), 422
    trail.note(trail.TEST, campaign)
    flash(_("The test mail is on its way."))
    return redirect(url_for("campaigns.page", public_id=public_id))


@bp.route("/campaigns/<public_id>/send", methods=["GET", "POST"])
def send(public_id: str) -> ResponseReturnValue:
    """Ask with the number of recipients, then send: now, or at the time given."""
    campaign = service.by_public_id(public_id)
    newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
    error, text = "", request.form.get("at", "")
    if request.method == "POST":
        try:
            at = hours.moment(text, newsletter.time_zone) if text.strip() else None
        except ValueError as wrong:
            error = str(wrong)
        else:
            return _done(campaign, lambda campaign: service.send(campaign, at), "campaign.send")
    recipients = audience.count(newsletter.id)
    if campaign.state is not CampaignState.DRAFT:
        return _page(campaign, problem=_("This campaign is being sent already, or has been.")), 409
    return render_template(
        "staff/send.html",
        campaign=campaign,
        id=public_id,
        newsletter=newsletter,
        recipients=recipients,
        at=text,
        error=error,
        opens_at=hours.opens_at(newsletter, utcnow()),
    ), 422 if error else 200


@bp.post("/campaigns/<public_id>/pause")
def pause(public_id: str) -> ResponseReturnValue:
    """Stop after the mails in hand."""
    return _done(service.by_public_id(public_id), service.pause, "campaign.pause")


@bp.post("/campaigns/<public_id>/resume")
def resume(public_id: str) -> ResponseReturnValue:
    """Go on with a paused campaign."""
    return _done(service.by_public_id(public_id), service.resume, "campaign.resume")


@bp.route("/campaigns/<public_id>/cancel", methods=["GET", "POST"])
def cancel(public_id: str) -> ResponseReturnValue:
    """Ask, then send no more of it."""
    campaign = service.by_public_id(public_id)
    if request.method == "POST":
        return _done(campaign, service.cancel, "campaign.cancel")
    now = progress(campaign)
    open_ = now.counts["audience"] - now.done
    lines = [
        ngettext(
            "%(number)s mail has not gone out and never will. Those that went stay where they are.",
            "%(number)s mails have not gone out and never will. Those that went stay where they are.",
            open_,
        ),
        _("A cancelled campaign can't be resumed. To stop for a while, pause it."),
    ]
    if not campaign.started_at:
        lines = [_("It will not be sent at the time set, nor later. Nobody gets a mail.")]
    return _ask(campaign, _("Cancel this campaign?"), lines, _("Cancel the campaign"))


@bp.route("/campaigns/<public_id>/delete", methods=["GET", "POST"])
def delete(public_id: str) -> ResponseReturnValue:
    """Ask, then delete a campaign that was never sent."""
    campaign = service.by_public_id(public_id)
    name = trail.name_of(campaign)
    if request.method != "POST":  # HEAD, too, only asks
        lines = [_("Its subject and text are gone for good. Nobody has got a mail of it.")]
        return _ask(campaign, _("Delete this campaign?"), lines, _("Delete the campaign"))
    try:
        service.delete(campaign)
    except Conflict as error:
        return _page(campaign, problem=str(error)), 409
    audit.note("campaign.delete", name)
    flash(_("The campaign is deleted."))
    return redirect(url_for("campaigns.index"))


@bp.route("/campaigns/<public_id>/resend", methods=["GET", "POST"])
def resend(public_id: str) -> ResponseReturnValue:
    """Ask, then send again to those of whom nobody knows whether they got it."""
    campaign = service.by_public_id(public_id)
    if request.method == "POST":
        return _done(campaign, service.resend_in_doubt, "campaign.resend")
    number = counts(campaign.id)["in_doubt"]
    lines = [
        ngettext(
            "%(number)s mail was handed over when the connection broke: it may have arrived, or not.",
            "%(number)s mails were handed over when the connection broke: they may have arrived, or not.",
            number,
        ),
        _("Sent again, some people get the same mail twice. It has the same Message-ID, so many mailboxes notice."),
    ]
    return _ask(campaign, _("Send again to those in doubt?"), lines, _("Send again"), danger=False)


def _ask(campaign: Campaign, title: str, lines: list[str], button: str, *, danger: bool = True) -> str:
    back = url_for("campaigns.page", public_id=service.public_id(campaign))
    return render_template("staff/confirm.html", title=title, lines=lines, button=button, back=back, danger=danger)


def _done(campaign: Campaign, act: Act, action: str) -> ResponseReturnValue:
    """Do it and go back to the campaign's page; in the wrong state that page says so, with 409."""
    try:
        act(campaign)
    except Conflict as error:
        return _page(campaign, problem=str(error)), 409
    except Invalid as error:
        return _page(campaign, problem=" ".join(error.errors.values())), 422
    trail.note(action, campaign)
    return redirect(url_for("campaigns.page", public_id=service.public_id(campaign)))
