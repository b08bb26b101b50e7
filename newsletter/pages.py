"""The pages about the whole service: which newsletters there are, and the texts in force with all their versions."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from newsletter.core.errors import NotFound
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import language, speak
from newsletter.privacy import documents, wordings
from newsletter.privacy.documents import Series
from newsletter.privacy.models import Wording
from newsletter.promises import names
from newsletter.recipients import consent, newsletters, statement, versions
from newsletter.recipients.models import Newsletter
from newsletter.retention import showing

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the newsletters."""
    return render_template("page/index.html", newsletters=newsletters.every())


@bp.get("/privacy")
def privacy() -> ResponseReturnValue:
    """Show the statement in force, what is kept how long, whether it is so, and the other versions."""
    code = language()
    text, edition = statement.in_force(code), documents.current(Series(wordings.PRIVACY, code))
    return render_template(
        "page/privacy.html",
        sections=documents.sections(text),
        # What was made just now, and not noted yet, has no number.
        edition=edition if edition and edition.text == text else None,
        editions=documents.every(wordings.PRIVACY, language=code),
        groups=showing.groups(),
        verdicts=names.last_verdicts(),
    )


@bp.get("/privacy/<version>")
def privacy_version(version: str) -> ResponseReturnValue:
    """Show a privacy statement as it was, or as it will be."""
    return _version(_("Privacy"), wordings.by_short_name(wordings.PRIVACY, version))


@bp.get("/imprint")
def imprint() -> ResponseReturnValue:
    """Say who runs the service, where staff have written it, and who sends the newsletters."""
    code = language()
    edition = documents.current(Series(wordings.IMPRINT, code))
    return render_template(
        "page/imprint.html",
        newsletters=newsletters.every(),
        sections=documents.sections(edition.text) if edition else [],
        edition=edition,
        editions=documents.every(wordings.IMPRINT, language=code),
    )


@bp.get("/imprint/<imprint_version>")
def imprint_version(imprint_version: str) -> ResponseReturnValue:
    """Show an imprint as it was, or as it will be."""
    return _version(_("Imprint"), wordings.by_short_name(wordings.IMPRINT, imprint_version))


@bp.get("/n/<slug>/consent")
def consent_text(slug: str) -> ResponseReturnValue:
    """Show what people agree to when they sign up, what they agreed to before, and what is announced."""
    newsletter = _newsletter(slug)
    code = language()
    return render_template(
        "page/consent.html",
        newsletter=newsletter,
        paragraphs=consent.text(newsletter, code).split("\n\n"),
        spoken=consent.language_of(newsletter, code),
        edition=versions.in_force(newsletter, code),
        editions=documents.every(wordings.CONSENT, newsletter_id=newsletter.id),
    )


@bp.get("/n/<slug>/consent/<consent_version>")
def consent_version(slug: str, consent_version: str) -> ResponseReturnValue:
    """Show a consent text of this newsletter as it was, or as it will be."""
    newsletter = _newsletter(slug)
    return _version(_("Consent text"), wordings.by_short_name(wordings.CONSENT, consent_version), newsletter)


def _newsletter(slug: str) -> Newsletter:
    newsletter = newsletters.by_slug(slug)
    speak(newsletter.language)
    return newsletter


def _version(title: str, wording: Wording, newsletter: Newsletter | None = None) -> str:
    edition = documents.with_words(wording.kind, wording.digest, newsletter_id=newsletter.id if newsletter else None)
    if edition is None:
        raise NotFound(_("There is no such version."))
    return render_template(
        "page/version.html",
        title=title,
        edition=edition,
        newsletter=newsletter,
        sections=documents.sections(edition.text),
    )
