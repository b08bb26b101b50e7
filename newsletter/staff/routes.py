"""Staff pages that need nothing of newsletters: the one-time login, accounts, API tokens, the audit trail."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.core.errors import Invalid
from newsletter.staff import accounts

bp = Blueprint("staff", __name__, url_prefix="/staff")


@bp.route("/set-password/<token>", methods=["GET", "POST"])
def set_password(token: str) -> ResponseReturnValue:
    """Let the person with a one-time link choose a password, and sign them in."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            accounts.set_password(token, request.form.get("password", ""), request.form.get("again", ""))
        except Invalid as error:
            errors = error.errors
        else:
            return redirect(url_for("campaigns.overview"))
    staff = accounts.by_one_time_token(token)
    status = 422 if errors else 200
    return render_template("staff/set_password.html", email=staff.email, errors=errors), status
