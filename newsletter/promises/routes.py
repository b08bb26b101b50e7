"""The staff page that shows how long things are kept, that they are deleted, and whether the promises hold."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from newsletter.journal import backups
from newsletter.promises import names
from newsletter.retention import showing
from newsletter.staff import guards
from newsletter.staff.models import RoleName

bp = Blueprint("promises", __name__, url_prefix="/staff/admin")
bp.before_request(guards.require_role(RoleName.ADMIN))


@bp.get("/promises")
def page() -> ResponseReturnValue:
    """Show both tables."""
    return render_template(
        "staff/promises.html",
        entries=showing.entries(),
        verdicts=names.last_verdicts(),
        oldest_backup=backups.oldest_at(),
    )
