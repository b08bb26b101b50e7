"""The staff page that looks at one person's data: for administrators, with a reason, and noted before it is shown."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from newsletter.core.errors import Invalid, check_all
from newsletter.core.i18n import gettext as _
from newsletter.mail import address
from newsletter.recipients import lookup
from newsletter.staff import frame, guards, looks
from newsletter.staff.models import RoleName

bp = Blueprint("lookup", __name__, url_prefix="/staff/admin/person")
bp.before_request(guards.require_role(RoleName.ADMIN))


@bp.get("")
def form() -> ResponseReturnValue:
    """Ask for the address and the reason."""
    return _page({}, {})


@bp.post("")
def look() -> ResponseReturnValue:
    """Show what is stored of an address. A POST: the address stands in no URL, no history and no log."""
    values = {name: request.form.get(name, "") for name in ("email", "reason", "remark")}
    try:
        check_all(lambda: address.parse(values["email"]), lambda: looks.Why.parse(values))
    except Invalid as error:
        return _page(values, error.errors), 422
    email = address.parse(values["email"])
    looks.note("recipients.look", looks.alias(email), looks.Why.parse(values))
    return _page(values, {}, lookup.of(email))


def _page(values: dict[str, str], errors: dict[str, str], found: lookup.Found | None = None) -> str:
    reasons = [("", _("Please choose")), *((reason.value, frame.reason(reason)) for reason in looks.Reason)]
    return render_template("staff/person.html", values=values, errors=errors, found=found, reasons=reasons)
