"""The pages about the whole service: which newsletters there are, the privacy statement, the imprint."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from newsletter.core.i18n import language
from newsletter.privacy import wordings
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
    """Show the privacy statement in force, what is kept how long, whether it is so, and the earlier statements."""
    code = language()
    current = wordings.digest(wordings.PRIVACY, code, statement.text(code)).hex()
    earlier = [version for version in wordings.versions(wordings.PRIVACY, code) if not current.startswith(version[0])]
    return render_template(
        "page/privacy.html",
        sections=statement.sections(code),
        earlier=earlier,
        entries=showing.entries(),
        verdicts=names.last_verdicts(),
    )


@bp.get("/privacy/<version>")
def privacy_version(version: str) -> ResponseReturnValue:
    """Show a privacy statement as it was."""
    return render_template("page/privacy_version.html", wording=wordings.by_short_name(wordings.PRIVACY, version))


@bp.get("/imprint")
def imprint() -> ResponseReturnValue:
    """Say who sends the newsletters."""
    return render_template("page/imprint.html", newsletters=newsletters.every())
