"""The pages behind the links in every mail: `/u/` to leave, `/me/` to see and change what is stored.

Nothing but the token is needed. A GET changes nothing, whoever loads it; what changes something is a POST.
"""

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.core.db import utcnow
from newsletter.core.errors import BadToken, Expired, Invalid
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import language, speak
from newsletter.recipients import (
    accent,
    access,
    disclosure,
    links,
    newsletters,
    others,
    person,
    preferences,
    service,
    undoing,
)
from newsletter.recipients.others import Subscription

bp = Blueprint("recipients", __name__)

LEFT = b"""\
Unter diesem Link ist keine Adresse mehr gespeichert, und es gehen keine E-Mails mehr hinaus.
Under this link no address is stored any more, and no mail goes out.
"""
"""What a mail program is told: those it acts for see none of it, so that no page is made and no language looked up."""


@bp.get("/n/<slug>/accent.css")
def accent_css(slug: str) -> Response:
    """The newsletter's colour as a style sheet: the policy of the pages allows no style in the page itself."""
    colour = newsletters.by_slug(slug).accent
    css = render_template("page/accent.css", light=accent.shades(colour), dark=accent.shades(colour, dark=True))
    return Response(css, content_type="text/css; charset=utf-8")


@bp.get("/u/<token>")
def leave_page(token: str) -> ResponseReturnValue:
    """Ask whether to leave. Names the newsletter, never the address: the mail may have been forwarded."""
    try:
        newsletter = service.newsletter_behind(token)
    except BadToken:
        return render_template("page/leave_unknown.html"), 404
    speak(newsletter.language)
    return render_template("page/leave.html", newsletter=newsletter)


@bp.post("/u/<token>")
def leave(token: str) -> ResponseReturnValue:
    """Erase, and answer 200 whatever the token was (RFC 8058 §3.2): a page only to who comes from ours. No redirect,
    no cookie."""
    if request.form.get("from") != "page":
        service.leave(token)
        return Response(LEFT, mimetype="text/plain")
    left = service.leave_by_page(token)
    if left.newsletter:
        speak(left.newsletter.language)
    return render_template("page/left.html", left=left)


@bp.post("/u/others")
def leave_others() -> ResponseReturnValue:
    """Leave the other newsletters that the page after leaving offered."""
    service.leave_others(request.form.getlist("leave"))
    return render_template("page/left.html", left=service.Left())


@bp.post("/u/undo")
def undo() -> ResponseReturnValue:
    """Bring back who has just left, by what only the page after leaving holds."""
    try:
        newsletter = undoing.undo(request.form.get("undo", ""))
    except (BadToken, Expired):
        return render_template("page/undo_late.html"), 410
    speak(newsletter.language)
    return render_template("page/undone.html", newsletter=newsletter)


@bp.get("/me/<token>")
def me(token: str) -> ResponseReturnValue:
    """Show what is stored."""
    return _profile(token, saved=request.args.get("saved") == "1")


def _profile(token: str, *, saved: bool = False, errors: dict[str, str] | None = None) -> ResponseReturnValue:
    try:
        profile = preferences.profile(access.by_any(token))
    except Expired:
        return render_template("page/me_aged.html", token=token), 410
    except BadToken:
        return render_template("page/me_unknown.html"), 404
    speak(profile.newsletter.language)
    # What was not sent stays as it is stored: the next click on "Save" would empty it.
    values = profile.person._asdict() | (request.form.to_dict() if errors else {})
    page = render_template(
        "page/me.html",
        token=token,
        profile=profile,
        values=values,
        errors=errors or {},
        saved=saved,
        mailed=access.is_mailed(token),
        others=_others(token, profile),
        joinable=others.joinable(profile.email),
    )
    return page, 422 if errors else 200


def _others(token: str, profile: preferences.Profile) -> list[tuple[Subscription, str]]:
    """Return the other newsletters of this address, each with its own page where this link is a mailed one."""
    there = others.of(profile.email, profile.newsletter.id)
    if not access.is_mailed(token):
        return [(each, "") for each in there]
    return [(each, links.mailed_preferences_url(each.link_key, links.issued_at(token))) for each in there]


@bp.post("/me/<token>")
def save(token: str) -> ResponseReturnValue:
    """Change salutation, title and names: all four of them, so that half a form removes nothing."""
    missing = {name: _("This is missing; it may be empty.") for name in person.FIELDS if name not in request.form}
    if missing:
        return _profile(token, errors=missing)
    try:
        preferences.rename(access.by_any(token), request.form)
    except Invalid as error:
        return _profile(token, errors=error.errors)
    except (BadToken, Expired):
        return _profile(token)
    return _back(token)


@bp.post("/me/<token>/measurement")
def measurement(token: str) -> ResponseReturnValue:
    """Object to being measured, or agree again (`measured`: yes or no)."""
    measured = request.form.get("measured")
    if measured not in ("yes", "no"):
        return _profile(token, errors={"measured": _('Please choose "yes" or "no".')})
    try:
        preferences.measure(access.by_any(token), agreed=measured == "yes")
    except (BadToken, Expired):
        return _profile(token)
    return _back(token)


@bp.post("/me/<token>/restriction")
def restriction(token: str) -> ResponseReturnValue:
    """Restrict the use of what is stored, or lift that (`restricted`: yes or no)."""
    restricted = request.form.get("restricted")
    if restricted not in ("yes", "no"):
        return _profile(token, errors={"restricted": _('Please choose "yes" or "no".')})
    try:
        preferences.restrict(access.by_any(token), wished=restricted == "yes")
    except (BadToken, Expired):
        return _profile(token)
    return _back(token)


@bp.get("/me/<token>/download")
def download(token: str) -> ResponseReturnValue:
    """Hand out what is stored as a file (JSON). Takes a link that was mailed on request within the hour."""
    try:
        profile = preferences.profile(access.by_mailed(token))
    except (BadToken, Expired):
        return _profile(token)
    answer = jsonify(disclosure.of(profile))
    answer.headers["Content-Disposition"] = f'attachment; filename="{profile.newsletter.slug}.json"'
    return answer


@bp.get("/me/<token>/copy")
def copy(token: str) -> ResponseReturnValue:
    """Show the same as a page to read and to print. Takes the same link."""
    try:
        profile = preferences.profile(access.by_mailed(token))
    except (BadToken, Expired):
        return _profile(token)
    speak(profile.newsletter.language)
    return render_template("page/copy.html", token=token, profile=profile, now=utcnow())


@bp.get("/me/schema.json")
def schema() -> ResponseReturnValue:
    """Describe the file that `download` hands out (JSON Schema)."""
    answer = jsonify(disclosure.SCHEMA)
    answer.content_type = "application/schema+json"
    return answer


@bp.post("/me/<token>/leave")
def leave_from_me(token: str) -> ResponseReturnValue:
    """Leave from the page of preferences."""
    try:
        link_key = access.by_any(token)
        preferences.live(link_key)
    except (BadToken, Expired):
        return _profile(token)
    left = service.leave_and_offer(link_key, None, "preferences")
    if left.newsletter:
        speak(left.newsletter.language)
    return render_template("page/left.html", left=left)


@bp.post("/me/<token>/leave/<slug>")
def leave_another(token: str, slug: str) -> ResponseReturnValue:
    """Leave another newsletter that the same address is on."""
    try:
        profile = preferences.profile(access.by_any(token))
    except (BadToken, Expired):
        return _profile(token)
    speak(profile.newsletter.language)
    keys = [each.link_key for each in others.of(profile.email) if each.slug == slug]
    left = service.leave_and_offer(keys[0], None, "others") if keys else service.Left()
    return render_template("page/left.html", left=left)


@bp.post("/me/<token>/fresh")
def fresh_link(token: str) -> ResponseReturnValue:
    """Mail a fresh link to the address behind an aged one."""
    try:
        service.mail_fresh_link(token, language=language())
    except BadToken:
        return render_template("page/me_unknown.html"), 404
    return render_template("page/me_mailed.html")


def _back(token: str) -> ResponseReturnValue:
    return redirect(url_for("recipients.me", token=token, saved="1"), 303)
