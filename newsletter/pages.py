"""The pages about the whole service: which newsletters there are, the privacy statement, the imprint."""

from datetime import datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import language
from newsletter.privacy import documents, wordings
from newsletter.promises import names
from newsletter.recipients import newsletters, statement
from newsletter.retention import showing

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the newsletters."""
    return render_template("page/index.html", newsletters=newsletters.every())


@bp.get("/privacy")
def privacy() -> ResponseReturnValue:
    """Show the statement in force, what is kept how long, whether it is so, and the earlier statements."""
    code = language()
    edition = documents.current(wordings.PRIVACY, code)
    name = wordings.digest(wordings.PRIVACY, code, statement.in_force(code)).hex()
    sections = documents.sections(edition.text) if edition else statement.sections(code)
    return render_template(
        "page/privacy.html",
        sections=sections,
        edition=edition,
        earlier=_earlier(wordings.PRIVACY, code, name),
        entries=showing.entries(),
        verdicts=names.last_verdicts(),
    )


@bp.get("/privacy/<version>")
def privacy_version(version: str) -> ResponseReturnValue:
    """Show a privacy statement as it was."""
    return _version(wordings.PRIVACY, version)


@bp.get("/imprint")
def imprint() -> ResponseReturnValue:
    """Say who runs the service, where staff have written it, and who sends the newsletters."""
    code = language()
    edition = documents.current(wordings.IMPRINT, code)
    earlier = _earlier(wordings.IMPRINT, code, edition.name if edition else "")
    sections = documents.sections(edition.text) if edition else []
    return render_template(
        "page/imprint.html", newsletters=newsletters.every(), sections=sections, edition=edition, earlier=earlier
    )


@bp.get("/imprint/<imprint_version>")
def imprint_version(imprint_version: str) -> ResponseReturnValue:
    """Show an imprint as it was."""
    return _version(wordings.IMPRINT, imprint_version)


def _earlier(kind: str, code: str, current: str) -> list[tuple[str, datetime]]:
    return [version for version in wordings.versions(kind, code) if not current.startswith(version[0])]


def _version(kind: str, name: str) -> str:
    wording = wordings.by_short_name(kind, name)
    title = _("Privacy") if kind == wordings.PRIVACY else _("Imprint")
    return render_template(
        "page/privacy_version.html", wording=wording, title=title, sections=documents.sections(wording.text)
    )
