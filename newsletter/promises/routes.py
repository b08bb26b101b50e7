"""The staff page that shows how long things are kept, that they are deleted, and whether the promises hold.

The check itself is that of the command line, and takes as long: some seconds, with a million recipients some more.
"""

from collections.abc import Sequence

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from newsletter.journal import backups
from newsletter.promises import every, names
from newsletter.promises.finding import Check
from newsletter.retention import showing
from newsletter.staff import guards
from newsletter.staff.models import RoleName

bp = Blueprint("promises", __name__, url_prefix="/staff/admin")
bp.before_request(guards.require_role(RoleName.ADMIN))


@bp.get("/promises")
def page() -> ResponseReturnValue:
    """Show both tables."""
    return _page()


@bp.post("/promises")
def check() -> ResponseReturnValue:
    """Check now, and show the evidence too: it is stored nowhere."""
    return _page(list(every.check()))


def _page(checks: Sequence[Check] = ()) -> str:
    return render_template(
        "staff/promises.html",
        entries=showing.entries(),
        verdicts=names.last_verdicts(),
        evidence={found.number: found for found in checks},
        oldest_backup=backups.oldest_at(),
    )
