"""Staff pages of newsletters: list, create, change, and how to link the sign-up page."""

from email.utils import parseaddr
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from newsletter.core.errors import Conflict, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.recipients import hours, newsletters
from newsletter.recipients.models import Newsletter
from newsletter.staff import audit, guards
from newsletter.staff.models import RoleName

bp = Blueprint("newsletters", __name__, url_prefix="/staff/newsletters")
bp.before_request(guards.require_role(RoleName.MARKETING))


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the newsletters."""
    recipients = newsletters.count_recipients_of_all()
    listed = [(newsletter, recipients.get(newsletter.id, 0)) for newsletter in newsletters.every()]
    return render_template("staff/newsletters.html", newsletters=listed)


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Make a newsletter."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            newsletter = newsletters.create(_posted())
        except (Invalid, Conflict) as error:
            errors = _at_fields(error)
        else:
            audit.note("newsletter.create", newsletter.title)
            flash(_("The newsletter is there. Its sign-up page is open to everyone who has the link."))
            return redirect(url_for("newsletters.change", slug=newsletter.slug))
    values = _posted() if request.method == "POST" else _blank()
    page = render_template(
        "staff/newsletter.html", newsletter=None, values=values, errors=errors, time_zones=_time_zones()
    )
    return page, 422 if errors else 200


@bp.route("/<slug>", methods=["GET", "POST"])
def change(slug: str) -> ResponseReturnValue:
    """Change a newsletter; beside the form stands how to link its sign-up page."""
    newsletter = newsletters.by_slug(slug)
    values = {name: getattr(newsletter, name) for name in newsletters.FIELDS}
    errors: dict[str, str] = {}
    if request.method == "POST":
        values = _posted()
        try:
            newsletters.change(newsletter, values)
        except (Invalid, Conflict) as error:
            errors = _at_fields(error)
            newsletter = newsletters.by_slug(slug)
        else:
            audit.note("newsletter.change", newsletter.title)
            flash(_("Saved."))
            return redirect(url_for("newsletters.change", slug=newsletter.slug))
    page = render_template(
        "staff/newsletter.html",
        newsletter=newsletter,
        values=values,
        errors=errors,
        time_zones=_time_zones(),
        recipients=newsletters.count_recipients(newsletter.id),
        sign_up_url=_sign_up_url(newsletter),
        snippet=str(Markup('<a href="{}">{}</a>').format(_sign_up_url(newsletter), newsletter.title)),
    )
    return page, 422 if errors else 200


def _blank() -> dict[str, str]:
    name, address = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])
    sender = {"from_name": name, "from_address": address}
    chosen = {"language": current_app.config["LANGUAGE"], "measurement": "all", "accent": "#0b5c8a"}
    return chosen | sender | {"time_zone": hours.TIME_ZONE}


def _time_zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in hours.time_zones()]


def _posted() -> dict[str, Any]:
    values = {name: request.form.get(name, "") for name in newsletters.FIELDS}
    return values | {"time_zone": values["time_zone"] or hours.TIME_ZONE}


def _at_fields(error: Invalid | Conflict) -> dict[str, str]:
    return error.errors if isinstance(error, Invalid) else {"slug": str(error)}


def _sign_up_url(newsletter: Newsletter) -> str:
    return f"{current_app.config['PUBLIC_URL']}/n/{newsletter.slug}"
