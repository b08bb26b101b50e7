"""The sign-up form, and the page behind the link in the confirmation mail."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from newsletter.core import limits, traps
from newsletter.core.errors import BadToken, Invalid
from newsletter.core.i18n import language, speak
from newsletter.optin import answer, gate, offers, pressure, proof_of_work, restraint, service
from newsletter.recipients import consent, newsletters
from newsletter.recipients.models import Newsletter

bp = Blueprint("optin", __name__)


@bp.get("/n/<slug>")
def form(slug: str) -> ResponseReturnValue:
    """Show the sign-up form."""
    newsletter = newsletters.by_slug(slug)
    speak(newsletter.language)
    return _form(newsletter)


@bp.post("/n/<slug>")
def sign_up(slug: str) -> ResponseReturnValue:
    """Take the form. The answer is the same whether the address is new, waiting or subscribed."""
    if traps.caught(request.form):
        return _sent(newsletters.by_slug(slug))
    offer = offers.remembered(slug)
    speak(offer.newsletter.language)
    # Two addresses in two fields are two addresses, too.
    values = request.form.to_dict() | {"email": ", ".join(request.form.getlist("email"))}
    network = limits.network()
    try:
        with pressure.arriving(network) as arrived:  # the entries are read while Redis counts
            entries = service.entered(values)
            passes = gate.lets_through(request.form, network, arrived)
        if not passes:
            return _form(newsletters.by_slug(slug), crowded=True), 429, {"Retry-After": "60"}
        return _sent(service.request(offer, entries, language=language(), source="page").newsletter)
    except Invalid as error:
        return _form(newsletters.by_slug(slug), error.errors), 422
    except service.Reworded:
        return _form(newsletters.by_slug(slug), reworded=True), 409


def _sent(newsletter: Newsletter) -> str:
    speak(newsletter.language)
    return answer.page(newsletter)


def _form(
    newsletter: Newsletter, errors: dict[str, str] | None = None, *, crowded: bool = False, reworded: bool = False
) -> str:
    return render_template(
        "page/sign_up.html",
        newsletter=newsletter,
        values=request.form,
        errors=errors or {},
        crowded=crowded,
        reworded=reworded,
        # Who corrects an entry has had the form open since it was first shown.
        shown=request.form.get(gate.SHOWN) or gate.shown_now(),
        challenge=proof_of_work.challenge(pressure.level()),
        trap=traps.FIELD,
        texts=offers.texts_in_force(newsletter, language()),
        consent=consent.paragraphs(newsletter, language()),
        consent_language=consent.language_of(newsletter, language()),
        measurement_question=consent.measurement_question(newsletter, language()),
    )


@bp.get("/confirm/<token>")
def confirm_page(token: str) -> ResponseReturnValue:
    """Ask for the yes. Writes nothing: scanners load this page too."""
    try:
        newsletter = service.newsletter_behind(token)
    except service.Outdated as error:
        return _outdated(error.newsletter)
    except BadToken:
        return render_template("page/confirm_unknown.html"), 404
    speak(newsletter.language)
    return render_template("page/confirm.html", newsletter=newsletter)


@bp.post("/confirm/<token>")
def confirm(token: str) -> ResponseReturnValue:
    """Take the yes. Needs nothing but the token; as often as one likes."""
    try:
        newsletter = service.confirm(token)
    except service.Outdated as error:
        return _outdated(error.newsletter)
    except BadToken:
        return render_template("page/confirm_unknown.html"), 404
    speak(newsletter.language)
    return render_template("page/welcome.html", newsletter=newsletter)


def _outdated(newsletter: Newsletter) -> ResponseReturnValue:
    speak(newsletter.language)
    return render_template("page/confirm_outdated.html", newsletter=newsletter), 410


@bp.get("/not-me/<token>")
def not_me_page(token: str) -> ResponseReturnValue:
    """Ask whether the form is to leave this address alone. Names no address: the mail may have been forwarded."""
    try:
        restraint.check_token(token)
    except BadToken:
        return render_template("page/confirm_unknown.html"), 404
    return render_template("page/not_me.html", days=restraint.UNWANTED_FOR.days)


@bp.post("/not-me/<token>")
def not_me(token: str) -> ResponseReturnValue:
    """Leave the address alone. Needs nothing but the token; as often as one likes."""
    try:
        restraint.refuse(token)
    except BadToken:
        return render_template("page/confirm_unknown.html"), 404
    return render_template("page/not_me_done.html", days=restraint.UNWANTED_FOR.days)
