"""Staff pages of the texts about the whole service: privacy statement and imprint, in versions."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.core.errors import Invalid
from newsletter.core.i18n import LANGUAGES
from newsletter.core.i18n import gettext as _
from newsletter.privacy import differences, documents, publishing, wordings
from newsletter.privacy.documents import Series
from newsletter.recipients import hours, statement
from newsletter.staff import audit, guards
from newsletter.staff.frame import when
from newsletter.staff.models import RoleName

bp = Blueprint("texts", __name__, url_prefix="/staff/admin/texts")
bp.before_request(guards.require_role(RoleName.ADMIN))

PREVIEW = "preview"


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the texts with the version in force and the one ahead."""
    every = [Series(kind, code) for kind in documents.KINDS for code in LANGUAGES]
    listed = [(series, documents.current(series), documents.ahead(series)) for series in every]
    return render_template("staff/texts.html", listed=listed, kinds=_kinds(), languages=_languages())


@bp.route("/<kind>/<code>", methods=["GET", "POST"])
def edit(kind: str, code: str) -> ResponseReturnValue:
    """Write a new version of a text and put it in force: now, or announced for a time ahead."""
    series = _series(kind, code)
    if request.method != "POST":
        return _page(series, _begun(series))
    entered = {"text": request.form.get("text", ""), "at": request.form.get("at", "")}
    try:
        at = hours.ahead(entered["at"], hours.TIME_ZONE)
        text = publishing.checked(entered["text"], at)
        if request.form.get("act") == PREVIEW:
            return _page(series, entered, preview=text)
        made = publishing.publish(series, text, at=at)
    except Invalid as error:
        return _page(series, entered, errors=error.errors), 422
    audit.note("text.publish", f"{kind} {code} {made.version}")
    if made.is_ahead:
        flash(_("Version %(number)s is announced for %(moment)s.", number=made.version, moment=when(made.in_force_at)))
    else:
        flash(_("Version %(number)s is in force.", number=made.version))
    return redirect(url_for("texts.index"))


@bp.post("/<kind>/<code>/withdraw")
def withdraw(kind: str, code: str) -> ResponseReturnValue:
    """Take back a version that is announced."""
    if publishing.withdraw(_series(kind, code)):
        audit.note("text.withdraw", f"{kind} {code}")
        flash(_("The announced version is withdrawn."))
    return redirect(url_for("texts.edit", kind=kind, code=code))


@bp.route("/privacy/<code>/made", methods=["GET", "POST"])
def made(code: str) -> ResponseReturnValue:
    """Show the statement made from the settings and what would differ; go back to it."""
    series = _series(wordings.PRIVACY, code)
    text = statement.text(code)
    if request.method == "POST":
        back = publishing.publish(series, text, made=True)
        audit.note("text.publish", f"{series.kind} {code} {back.version}")
        flash(_("Version %(number)s is in force.", number=back.version))
        return redirect(url_for("texts.index"))
    edition = documents.current(series)
    return render_template(
        "staff/text_made.html",
        series=series,
        title=_title(series),
        edition=edition,
        coming=documents.ahead(series),
        sections=documents.sections(text),
        differences=differences.between(edition.text if edition else text, text),
    )


def _series(kind: str, code: str) -> Series:
    if kind not in documents.KINDS or code not in LANGUAGES:
        abort(404)
    return Series(kind, code)


def _begun(series: Series) -> dict[str, str]:
    """Return what to begin with: what is announced, what is in force, or what the settings make."""
    coming = documents.ahead(series)
    if coming:
        return {"text": coming.text, "at": hours.spell(coming.in_force_at, hours.TIME_ZONE)}
    return {"text": _in_force(series), "at": ""}


def _in_force(series: Series) -> str:
    if series.kind == wordings.PRIVACY:
        return statement.in_force(series.language)
    edition = documents.current(series)
    return edition.text if edition else ""


def _page(series: Series, entered: dict[str, str], errors: dict[str, str] | None = None, preview: str = "") -> str:
    shown: dict[str, Any] = {"entered": entered, "errors": errors or {}, "zone": hours.TIME_ZONE}
    if preview:
        shown["sections"] = documents.sections(preview)
        shown["differences"] = differences.between(_in_force(series), preview)
    return render_template(
        "staff/text.html",
        series=series,
        title=_title(series),
        edition=documents.current(series),
        coming=documents.ahead(series),
        **shown,
    )


def _title(series: Series) -> str:
    return f"{_kinds()[series.kind]} ({_languages()[series.language]})"


def _kinds() -> dict[str, str]:
    return {wordings.PRIVACY: _("Privacy statement"), wordings.IMPRINT: _("Imprint")}


def _languages() -> dict[str, str]:
    return {"de": _("German"), "en": _("English")}
