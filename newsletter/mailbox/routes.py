"""The pages on which a person shows that a mailbox is theirs: to change the address, to join another newsletter, to
get the link to their data.

As with every link in a mail, a GET changes nothing, and a POST needs nothing but the token.
"""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from newsletter.core import traps
from newsletter.core.errors import BadToken, Expired, Invalid
from newsletter.core.i18n import language, speak
from newsletter.core.limits import join_limit, link_limit
from newsletter.mailbox import service
from newsletter.optin import answer, offers
from newsletter.optin.service import Reworded
from newsletter.recipients import access, consent, newsletters, preferences
from newsletter.recipients.preferences import Profile

bp = Blueprint("mailbox", __name__)


@bp.get("/me")
def lost_link_page() -> ResponseReturnValue:
    """Offer to mail the link to their data to those who lost it."""
    return _lost_link_form({})


@bp.post("/me")
@link_limit
def lost_link() -> ResponseReturnValue:
    """Mail it (`email`). The answer is the same for every address."""
    page = render_template("page/lost_link_mailed.html")
    if traps.caught(request.form):
        return page
    try:
        service.ask_for_link(request.form.get("email", ""), language=language())
    except Invalid as error:
        return _lost_link_form(error.errors), 422
    return page


def _lost_link_form(errors: dict[str, str]) -> str:
    return render_template("page/lost_link.html", values=request.form, errors=errors, trap=traps.FIELD)


@bp.get("/me/<token>/address")
def address_page(token: str) -> ResponseReturnValue:
    """Ask for the new address. Takes a link that was mailed on request within the hour, or offers to mail one."""
    try:
        return _address_form(token, preferences.profile(access.by_any(token)))
    except Expired:
        return _aged(token)
    except BadToken:
        return _unknown()


@bp.post("/me/<token>/address")
def ask_for_address(token: str) -> ResponseReturnValue:
    """Have a link mailed to the new address (`email`). The answer is the same for every address."""
    try:
        link_key = access.by_mailed(token)
        profile = preferences.profile(link_key)
        service.ask_for_address(link_key, request.form.get("email", ""), language=language())
    except Invalid as error:
        return _address_form(token, profile, error.errors), 422
    except Expired:
        return _aged(token)
    except BadToken:
        return _unknown()
    return render_template("page/address_mailed.html", newsletter=profile.newsletter)


@bp.get("/new-address/<token>")
def new_address_page(token: str) -> ResponseReturnValue:
    """Ask for the yes. Writes nothing: scanners load this page too. Names no address."""
    try:
        newsletter = service.newsletter_of_change(token)
    except Expired:
        return render_template("page/address_late.html"), 410
    except BadToken:
        return render_template("page/confirm_unknown.html"), 404
    speak(newsletter.language)
    return render_template("page/address_confirm.html", newsletter=newsletter)


@bp.post("/new-address/<token>")
def change_address(token: str) -> ResponseReturnValue:
    """Take the yes. Needs nothing but the token; as often as one likes."""
    try:
        newsletter = service.change_address(token)
    except Expired:
        return render_template("page/address_late.html"), 410
    except BadToken:
        return render_template("page/confirm_unknown.html"), 404
    speak(newsletter.language)
    return render_template("page/address_changed.html", newsletter=newsletter)


@bp.get("/me/<token>/join/<slug>")
def join_page(token: str, slug: str) -> ResponseReturnValue:
    """Show what one agrees to by joining another newsletter."""
    return _join_form(token, slug)


@bp.post("/me/<token>/join/<slug>")
@join_limit
def join(token: str, slug: str) -> ResponseReturnValue:
    """Ask for another newsletter; the yes is given in the mail."""
    try:
        profile = preferences.profile(access.by_any(token))
    except Expired:
        return _aged(token)
    except BadToken:
        return _unknown()
    offer = offers.remembered(slug)
    speak(offer.newsletter.language)
    page = answer.page(offer.newsletter)
    try:
        service.join(profile, offer, request.form, language=language())
    except Reworded:
        return _join_form(token, slug, reworded=True)
    return page


def _join_form(token: str, slug: str, *, reworded: bool = False) -> ResponseReturnValue:
    try:
        profile = preferences.profile(access.by_any(token))
    except Expired:
        return _aged(token)
    except BadToken:
        return _unknown()
    newsletter = newsletters.by_slug(slug)
    speak(newsletter.language)
    page = render_template(
        "page/join.html",
        token=token,
        profile=profile,
        newsletter=newsletter,
        reworded=reworded,
        texts=offers.texts_in_force(newsletter, language()),
        consent=consent.paragraphs(newsletter, language()),
        consent_language=consent.language_of(newsletter, language()),
        measurement_question=consent.measurement_question(newsletter, language()),
    )
    return page, 409 if reworded else 200


def _address_form(token: str, profile: Profile, errors: dict[str, str] | None = None) -> str:
    speak(profile.newsletter.language)
    return render_template(
        "page/address.html",
        token=token,
        profile=profile,
        values=request.form,
        errors=errors or {},
        mailed=access.is_mailed(token),
    )


def _aged(token: str) -> ResponseReturnValue:
    return render_template("page/me_aged.html", token=token), 410


def _unknown() -> ResponseReturnValue:
    return render_template("page/me_unknown.html"), 404
