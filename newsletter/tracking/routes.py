"""GET /c/<id>/<n> for campaigns this process does not know yet, and the answers to everything unusual.

`wsgi.py` stands in front and answers from memory what it can; the rest comes here and gets Flask's error pages.
"""

from flask import Blueprint, Response, request

from newsletter.core.errors import NotFound
from newsletter.core.i18n import gettext as _
from newsletter.tracking.tracker import tracker

bp = Blueprint("tracking", __name__)


@bp.get("/c/<measurement_id>/<number>", provide_automatic_options=False)
def click(measurement_id: str, number: str) -> Response:
    """Redirect to what staff saved as link `number`; raise `NotFound`, one answer for whatever is wrong."""
    try:
        target = tracker().follow(request.environ, measurement_id, number)
    except NotFound:
        raise NotFound(_("This link leads nowhere, or not any more.")) from None
    return Response(status=302, headers={"Location": target})


@bp.get("/o/<measurement_id>.gif", provide_automatic_options=False)
def pixel(measurement_id: str) -> Response:
    """Stand for the pixel among the routes: GET and HEAD never get here, other methods are told so (405)."""
    raise NotFound(_("There is nothing here."))
