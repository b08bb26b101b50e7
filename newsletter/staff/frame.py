"""The frame of the staff pages: Bootstrap from its Python package, and what every template may use."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask
from flask_babel import format_datetime, format_decimal, format_percent, get_locale
from flask_bootstrap import Bootstrap5

from newsletter.core.i18n import gettext as _
from newsletter.staff import audit
from newsletter.staff.guards import is_admin
from newsletter.staff.looks import UNSTATED, Reason
from newsletter.staff.models import RoleName

bootstrap = Bootstrap5()


def init_app(app: Flask) -> None:
    """Serve Bootstrap ourselves, and add filters: how numbers, moments and what is stored in short read to people."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    bootstrap.init_app(app)
    app.jinja_env.filters |= {"number": format_decimal, "percent": percent, "when": when}
    app.jinja_env.filters |= {"action": action, "actor": actor, "role": role, "reason": reason}
    app.jinja_env.globals |= {"is_admin": is_admin, "page_language": page_language}


def percent(part: int, whole: int) -> str:
    """Return `part` of `whole` as a percentage with one decimal, or a dash when there is no whole."""
    pattern = "#,##0.0\u00a0%" if page_language() == "de" else "#,##0.0%"
    return str(format_percent(part / whole, pattern)) if whole else "–"


def when(moment: datetime | None, zone: str = "") -> str:
    """Return a moment, to the minute, as the reader's language writes it: in `zone`, by default in Europe/Berlin."""
    if moment is None:
        return "–"
    pattern = "dd.MM.y, HH:mm" if page_language() == "de" else "d MMM y, HH:mm"
    if not zone:
        return str(format_datetime(moment, pattern))
    return str(format_datetime(moment.astimezone(ZoneInfo(zone)), pattern, rebase=False))


def page_language() -> str:
    """Return the language that the page is written in, for `<html lang>`."""
    return str(get_locale())


def role(name: str) -> str:
    """Return what an account may do, in a word."""
    words: dict[str, str] = {RoleName.MARKETING: _("Marketing"), RoleName.ADMIN: _("Administration")}
    return words.get(name, name)


def actor(name: str) -> str:
    """Return who did what an entry of the audit trail says: an address, an API token, or the command line."""
    if name.startswith(audit.TOKEN):
        return _("Token %(name)s", name=name.removeprefix(audit.TOKEN))
    return _("command line") if name == audit.COMMAND_LINE else name


def action(code: str) -> str:
    """Return what an entry of the audit trail says was done."""
    words = {
        "account.create": _("created the account"),
        "account.password": _("set the password of"),
        "account.link": _("made a one-time link for"),
        "account.close": _("closed the account"),
        "account.open": _("opened the account again"),
        "token.create": _("created the API token"),
        "token.revoke": _("revoked the API token"),
        "newsletter.create": _("created the newsletter"),
        "newsletter.change": _("changed the newsletter"),
        "campaign.create": _("created the campaign"),
        "campaign.change": _("changed the campaign"),
        "campaign.delete": _("deleted the campaign"),
        "campaign.test": _("sent a test mail of"),
        "campaign.send": _("sent the campaign"),
        "campaign.pause": _("paused the campaign"),
        "campaign.resume": _("resumed the campaign"),
        "campaign.cancel": _("cancelled the campaign"),
        "campaign.resend": _("resent what was in doubt of"),
        "recipients.import": _("imported recipients into"),
        "recipients.export": _("exported the recipients of"),
        "recipients.forget": _("erased from everywhere:"),
        "database.restore": _("restored the database from a backup:"),
        "text.publish": _("put a text in force, or announced it:"),
        "text.withdraw": _("withdrew an announced text:"),
        "brake.let_go": _("let go of the brake on sign-ups, up to an hourly"),
        "newsletter.consent": _("announced or withdrew a consent text of"),
        "recipients.proof": _("looked up the consents of"),
        "recipients.look": _("looked at the data of"),
    }
    return words.get(code, code)


def reason(code: str) -> str:
    """Return why someone looked at a person's data."""
    words: dict[str, str] = {
        Reason.PERSON: _("The person asks"),
        Reason.AUTHORITY: _("A court or an authority asks"),
        Reason.DISPUTE: _("Someone says they never agreed"),
        Reason.FAULT: _("To find a fault"),
        Reason.MOVE: _("To take the data to another system"),
        UNSTATED: _("No reason stated"),
    }
    return words.get(code, code)
