"""Staff pages that need nothing of newsletters: the one-time login, accounts, API tokens, the audit trail."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from newsletter.core.errors import Conflict, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.staff import accounts, audit, guards, tokens
from newsletter.staff.models import RoleName

bp = Blueprint("staff", __name__, url_prefix="/staff")
OPEN_TO_ANYONE = ("staff.set_password",)
_only_admins = guards.require_role(RoleName.ADMIN)


@bp.before_request
def only_admins() -> ResponseReturnValue | None:
    """Keep everyone else out; the one-time link is a permission of its own."""
    return None if request.endpoint in OPEN_TO_ANYONE else _only_admins()


@bp.app_errorhandler(CSRFError)
def stale_form(_error: CSRFError) -> ResponseReturnValue:
    """Say what to do about a form that belongs to a session which has ended."""
    text = _("You were signed out since the page was opened, or the form came from elsewhere. Nothing was changed.")
    return render_template("staff/error.html", status=400, title=_("This form has gone stale"), text=text), 400


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


@bp.get("/admin/accounts")
def accounts_page() -> ResponseReturnValue:
    """List the accounts."""
    return _accounts({}, {})


@bp.post("/admin/accounts")
def create_account() -> ResponseReturnValue:
    """Make an account and show its one-time link: this answer is the only place where it stands."""
    values = {name: request.form.get(name, "") for name in ("email", "role")}
    try:
        staff = accounts.create(values["email"], values["role"])
    except Invalid as error:
        return _accounts(values, error.errors)
    except Conflict as error:
        return _accounts(values, {"email": str(error)})
    return _accounts({}, {}, email=staff.email, link=accounts.one_time_login_url(staff))


def _accounts(values: dict[str, str], errors: dict[str, str], **shown_once: str) -> ResponseReturnValue:
    page = render_template(
        "staff/accounts.html",
        accounts=accounts.every(),
        values=values,
        errors=errors,
        roles=list(RoleName),
        **shown_once,
    )
    return page, 422 if errors else 200


@bp.post("/admin/accounts/<int:staff_id>/link")
def new_link(staff_id: int) -> ResponseReturnValue:
    """Show a one-time link for someone who has lost the first, or the password."""
    staff = accounts.by_id(staff_id)
    link = accounts.one_time_login_url(staff)
    audit.note("account.link", staff.email)
    return _accounts({}, {}, email=staff.email, link=link)


@bp.route("/admin/accounts/<int:staff_id>/close", methods=["GET", "POST"])
def close_account(staff_id: int) -> ResponseReturnValue:
    """Ask, then close an account."""
    staff = accounts.by_id(staff_id)
    back = url_for("staff.accounts_page")
    if request.method == "POST":
        accounts.deactivate(staff)
        flash(_("%(email)s is closed and signed out everywhere.", email=staff.email))
        return redirect(back)
    lines = [
        _("All sessions and one-time links of %(email)s end at once.", email=staff.email),
        _("Newsletters and campaigns stay. The account can be opened again."),
    ]
    title, button = _("Close this account?"), _("Close the account")
    return render_template("staff/confirm.html", title=title, lines=lines, button=button, back=back, danger=True)


@bp.post("/admin/accounts/<int:staff_id>/open")
def open_account(staff_id: int) -> ResponseReturnValue:
    """Open a closed account and show a one-time link for it."""
    staff = accounts.by_id(staff_id)
    accounts.reactivate(staff)
    return _accounts({}, {}, email=staff.email, link=accounts.one_time_login_url(staff))


@bp.get("/admin/tokens")
def tokens_page() -> ResponseReturnValue:
    """List the API tokens, a page at a time."""
    return _tokens()


@bp.post("/admin/tokens")
def create_token() -> ResponseReturnValue:
    """Make a token and show it, this once."""
    name, errors, bearer = request.form.get("name", ""), {}, ""
    try:
        bearer = tokens.create(name)
    except Invalid as error:
        errors = error.errors
    except Conflict as error:
        errors = {"name": str(error)}
    return _tokens(name=name if errors else "", errors=errors, bearer=bearer), 422 if errors else 200


def _tokens(name: str = "", errors: dict[str, str] | None = None, bearer: str = "") -> str:
    before = request.args.get("before", type=int)
    page = tokens.page(before)
    return render_template("staff/tokens.html", page=page, before=before, name=name, errors=errors or {}, bearer=bearer)


@bp.route("/admin/tokens/<int:token_id>/revoke", methods=["GET", "POST"])
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Ask, then revoke a token."""
    back = url_for("staff.tokens_page")
    if request.method == "POST":
        tokens.revoke(token_id)
        flash(_("The token is revoked."))
        return redirect(back)
    name = tokens.by_id(token_id).name
    lines = [_('Whatever uses the token "%(name)s" is refused from now on. This can\'t be undone.', name=name)]
    title, button = _("Revoke this token?"), _("Revoke the token")
    return render_template("staff/confirm.html", title=title, lines=lines, button=button, back=back, danger=True)


@bp.get("/admin/audit")
def audit_page() -> ResponseReturnValue:
    """Show who did what, a page at a time."""
    before = request.args.get("before", type=int)
    return render_template("staff/audit.html", page=audit.page(before), before=before)
