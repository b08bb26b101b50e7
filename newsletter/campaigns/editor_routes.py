"""The editor: write a campaign and see beside it, while typing, what a person will get."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.campaigns import fields, preview, service, trail
from newsletter.campaigns.models import Campaign
from newsletter.campaigns.preview import Preview
from newsletter.core.db import db
from newsletter.core.errors import Conflict, Invalid
from newsletter.recipients import newsletters
from newsletter.recipients.models import Newsletter
from newsletter.recipients.person import Person
from newsletter.staff import guards
from newsletter.staff.models import RoleName

bp = Blueprint("editor", __name__, url_prefix="/staff/campaigns")
bp.before_request(guards.require_role(RoleName.MARKETING))

MAX_BODY_OCTETS = 2 * 1024 * 1024
PERSONS = {
    "doctor": Person("ms", "Dr.", "Petra", "Müller"),
    "names": Person("", "", "Kim", "Beispiel"),
    "nobody": Person(),
}
# The mail's own style block is wanted, scripts never are. Its links open in new tabs, so that staff can try them.
PREVIEW_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox",
            "default-src 'none'",
            "style-src 'unsafe-inline'",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    ),
    "X-Frame-Options": "SAMEORIGIN",
}


@bp.url_value_preprocessor
def take_long_texts(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let a text be as long as `fields.LIMITS` says; runs before the CSRF check reads the form."""
    request.max_content_length = MAX_BODY_OCTETS
    request.max_form_memory_size = MAX_BODY_OCTETS


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Make a draft."""
    every = newsletters.every()
    if not every:
        return redirect(url_for("newsletters.create"))
    chosen = request.values.get("newsletter", every[0].slug)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            campaign = service.create(newsletters.by_slug(chosen), _posted())
        except Invalid as error:
            errors = error.errors
        else:
            trail.note("campaign.create", campaign)
            return _saved(campaign)
    return _editor(None, chosen, _posted(), errors, every)


@bp.route("/<public_id>/edit", methods=["GET", "POST"])
def change(public_id: str) -> ResponseReturnValue:
    """Change a draft or a scheduled campaign."""
    campaign = service.by_public_id(public_id)
    values = {name: getattr(campaign, name) for name in fields.FIELDS}
    errors: dict[str, str] = {}
    if request.method == "POST":
        values = _posted()
        try:
            service.change(campaign, values)
        except Invalid as error:
            errors = error.errors
        else:
            trail.note("campaign.change", campaign)
            return _saved(campaign)
    elif campaign.started_at or campaign.finished_at:
        return redirect(url_for("campaigns.page", public_id=public_id))
    newsletter = db.session.get_one(Newsletter, campaign.newsletter_id)
    return _editor(campaign, newsletter.slug, values, errors, [newsletter])


def _saved(campaign: Campaign) -> ResponseReturnValue:
    """Go on writing, or go to the checks, as the button said."""
    public_id = service.public_id(campaign)
    to = "campaigns.page" if request.form.get("then") == "check" else "editor.change"
    return redirect(url_for(to, public_id=public_id))


def _editor(
    campaign: Campaign | None, slug: str, values: dict[str, str], errors: dict[str, str], choices: list[Newsletter]
) -> ResponseReturnValue:
    page = render_template(
        "staff/editor.html",
        campaign=campaign,
        id=service.public_id(campaign) if campaign else "",
        slug=slug,
        values=values,
        errors=errors,
        choices=[(newsletter.slug, newsletter.title) for newsletter in choices],
        limits=fields.LIMITS,
    )
    return page, 422 if errors else 200


@bp.post("/preview")
def unsaved() -> ResponseReturnValue:
    """Show what stands in the form, saved or not."""
    try:
        shown = preview.preview_values(newsletters.by_slug(request.form.get("newsletter", "")), _posted(), _person())
    except Invalid as error:
        return _framed(render_template("staff/preview_problem.html", errors=error.errors), 422)
    return _show(shown)


@bp.get("/<public_id>/preview")
def stored(public_id: str) -> ResponseReturnValue:
    """Show a stored campaign."""
    try:
        return _show(preview.preview(service.by_public_id(public_id), _person()))
    except (Invalid, Conflict) as error:
        return _framed(render_template("staff/preview_problem.html", errors={"": str(error)}), 422)


def _show(shown: Preview) -> Response:
    if request.values.get("part") == "text":
        return _framed(render_template("staff/preview_text.html", text=shown.text))
    # A mail has no base; with one, its links open beside the preview instead of in it.
    return _framed(shown.html.replace("<head>", '<head><base target="_blank">', 1))


def _framed(html: str, status: int = 200) -> Response:
    response = make_response(html, status)
    response.headers.update(PREVIEW_HEADERS)
    return response


def _person() -> Person:
    return PERSONS.get(request.values.get("person", ""), PERSONS["doctor"])


def _posted() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in fields.FIELDS}
