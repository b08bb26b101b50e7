"""The contact page: to whoever answers for data protection, or to the editors."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from newsletter.contact import service
from newsletter.contact.message import MAX_CHARACTERS, Message
from newsletter.core import traps
from newsletter.core.errors import Invalid
from newsletter.core.i18n import language
from newsletter.core.limits import contact_limit

bp = Blueprint("contact", __name__)


@bp.get("/contact")
def page() -> ResponseReturnValue:
    """Show the form."""
    return _form({})


@bp.post("/contact")
@contact_limit
def send() -> ResponseReturnValue:
    """Take a message. What fills in every field gets the same answer, and nothing is mailed."""
    try:
        message = Message.read(request.form, language())
    except Invalid as error:
        return _form(error.errors), 422
    if not traps.caught(request.form):
        service.send(message)
    return render_template("page/contact_sent.html", message=message)


def _form(errors: dict[str, str]) -> str:
    # The privacy statement links here for its own matter.
    values = request.form or {"matter": request.args.get("matter", "")}
    return render_template("page/contact.html", values=values, errors=errors, most=MAX_CHARACTERS, trap=traps.FIELD)
