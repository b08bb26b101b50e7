"""German and English, by the newsletter's language and the browser's wish (Flask-Babel)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel, force_locale, format_decimal, refresh
from flask_babel import gettext as _gettext
from flask_babel import ngettext as _ngettext

LANGUAGES = ("de", "en")
babel = Babel()


def init_app(app: Flask) -> None:
    """Set up the translations in `newsletter/translations`."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", app.config["LANGUAGE"])
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", "Europe/Berlin")
    babel.init_app(app, locale_selector=language)
    app.url_defaults(_keep_asking)


def language() -> str:
    """Return the language of this request: `?lang=`, then the browser's wish, then the page's, then the default."""
    fallback = str(g.get("language") or current_app.config["LANGUAGE"])
    if not has_request_context():
        return fallback
    if wish := asked():
        return wish
    # Werkzeug's best_match would take "en" out of "de-AT, en;q=0.5".
    wished = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality)
    return next((code for code in wished if code in LANGUAGES), fallback)


def asked() -> str | None:
    """Return the language that the address asks for (`?lang=`), and its links, too."""
    wish = request.args.get("lang")
    return wish if wish in LANGUAGES else None


def _keep_asking(endpoint: str, values: dict[str, Any]) -> None:
    """Let the links of a page in a language that was asked for lead on in it: no cookie remembers the wish."""
    if has_request_context() and asked() and not endpoint.endswith("static"):
        values.setdefault("lang", asked())


def speak(code: str) -> None:
    """Make `code` the language of this page, unless the visitor wishes for another."""
    g.language = code
    refresh()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Render what stands in the block in language `code`, whoever asks: for mails."""
    with force_locale(code if code in LANGUAGES else LANGUAGES[0]):
        yield


def N_(message: str) -> str:
    """Mark a text of a table that is made once, so that it is found; `gettext` says it when it is shown."""
    return message


def gettext(message: str, **values: object) -> str:
    """Return `message` in the language in force, its `%(name)s` slots filled. Imported as `_`."""
    return str(_gettext(message, **values))


def ngettext(one: str, many: str, count: int) -> str:
    """Do as `gettext` with the form that fits `count`, which fills the slot `number` as the language writes it."""
    return str(_ngettext(one, many, count, number=format_decimal(count)))
