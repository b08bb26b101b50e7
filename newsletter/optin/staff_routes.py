"""What the staff do about the brake on sign-ups: see it on every page, and let it go."""

from flask import Blueprint, Flask, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal

from newsletter.core.i18n import gettext as _
from newsletter.optin import brake
from newsletter.staff import audit, guards
from newsletter.staff.models import RoleName

bp = Blueprint("brake", __name__, url_prefix="/staff/admin/brake")
bp.before_request(guards.require_role(RoleName.ADMIN))


def init_app(app: Flask) -> None:
    """Let the frame of the staff's pages say since when the brake holds."""
    app.jinja_env.globals["braked_since"] = brake.since


@bp.post("/let-go")
def let_go() -> ResponseReturnValue:
    """Let go of the brake: what arrives is wanted."""
    number = brake.let_go()
    audit.note("brake.let_go", str(number))
    flash(
        _(
            "The brake is let go. For a day only more than %(number)s confirmation mails in an hour pull it again.",
            number=format_decimal(number),
        )
    )
    return redirect(url_for("campaigns.overview"))
