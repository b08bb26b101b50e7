"""Staff pages of the texts about the whole service: privacy statement and imprint, in versions."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.core.errors import Invalid
from newsletter.core.i18n import LANGUAGES
from newsletter.core.i18n import gettext as _
from newsletter.privacy import documents, wordings
from newsletter.recipients import statement
from newsletter.staff import audit, guards
from newsletter.staff.models import RoleName

bp = Blueprint("texts", __name__, url_prefix="/staff/admin/texts")
bp.before_request(guards.require_role(RoleName.ADMIN))


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the texts with the version in force."""
    listed = [(kind, code, documents.current(kind, code)) for kind in documents.KINDS for code in LANGUAGES]
    return render_template("staff/texts.html", listed=listed, kinds=_kinds(), languages=_languages())


@bp.route("/<kind>/<code>", methods=["GET", "POST"])
def edit(kind: str, code: str) -> ResponseReturnValue:
    """Write a new version of a text and put it in force."""
    if kind not in documents.KINDS or code not in LANGUAGES:
        abort(404)
    edition, errors, text = documents.current(kind, code), {}, request.form.get("text", "")
    if request.method == "POST":
        try:
            made = documents.publish(kind, code, text)
        except Invalid as error:
            errors = error.errors
        else:
            audit.note("text.publish", f"{kind} {code} {made.version}")
            flash(_("Version %(number)s is in force.", number=made.version))
            return redirect(url_for("texts.index"))
    else:
        text = edition.text if edition else _first(kind, code)
    title = f"{_kinds()[kind]} ({_languages()[code]})"
    page = render_template("staff/text.html", title=title, text=text, errors=errors, edition=edition, code=code)
    return page, 422 if errors else 200


def _first(kind: str, code: str) -> str:
    return statement.to_edit(code) if kind == wordings.PRIVACY else ""


def _kinds() -> dict[str, str]:
    return {wordings.PRIVACY: _("Privacy statement"), wordings.IMPRINT: _("Imprint")}


def _languages() -> dict[str, str]:
    return {"de": _("German"), "en": _("English")}
