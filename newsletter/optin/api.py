"""Sign-ups in the JSON API: the twin of the form, open to everyone and limited like it."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from newsletter.core import json_bodies, limits
from newsletter.core.errors import Crowded, Invalid, check_all
from newsletter.core.i18n import LANGUAGES
from newsletter.core.i18n import gettext as _
from newsletter.mail import address
from newsletter.optin import gate, offers, pressure, proof_of_work, service
from newsletter.recipients import newsletters, person
from newsletter.staff import guards, tokens

bp = Blueprint("signups", __name__, url_prefix="/newsletters/<slug>/signups")

TEXTS = ("email", *person.FIELDS)
FIELDS = (*TEXTS, "language", "measurement", "proof")


@bp.post("")
def create(slug: str) -> ResponseReturnValue:
    """Take a sign-up. The answer is the same whoever asks and whatever is known of the address."""
    offer = offers.remembered(slug)
    network = limits.network()
    with pressure.arriving(network) as arrived:  # the body is read while Redis counts
        body = json_bodies.read(request, FIELDS, check=_check)
        entries = service.entered(body)
        passes = gate.lets_program_through(body.get("proof") or "", network, arrived, is_known=_is_known)
    if not passes:
        raise Crowded(_("Many sign-ups are arriving at once. Please solve a challenge, or try again in a minute."))
    service.request(offer, entries, language=body.get("language") or offer.newsletter.language, source="api")
    return {"status": "pending"}, 202


@bp.get("/challenge")
def challenge(slug: str) -> ResponseReturnValue:
    """Give a challenge whose solution a sign-up brings along as `proof`; null in calm times."""
    newsletters.by_slug(slug)
    made = proof_of_work.challenge(pressure.level())
    return {"challenge": json.loads(made) if made else None}


def _is_known() -> bool:
    shown = guards.bearer()
    return shown is not None and tokens.authenticate(shown) is not None


def _check(body: Mapping[str, Any]) -> None:
    email = body.get("email")
    check_all(
        lambda: address.parse(email if isinstance(email, str) else ""),
        lambda: person.Person.parse(body),
        lambda: _check_kinds(body),
    )


def _check_kinds(body: Mapping[str, Any]) -> None:
    wrong = [name for name in (*TEXTS, "proof") if not isinstance(body.get(name, ""), str | None)]
    errors = {name: _("This must be text.") for name in wrong}
    if body.get("language") not in (None, *LANGUAGES):
        errors["language"] = _('Please choose "de" or "en".')
    if not isinstance(body.get("measurement"), bool | None):
        errors["measurement"] = _("This must be true or false.")
    if errors:
        raise Invalid(errors)
