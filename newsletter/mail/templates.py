"""A mail's three files (`templates/email/<name>/{subject.txt,body.txt,body.html}`) become subject, text and HTML.

Styles are written into the elements, because many mail programs drop style sheets; only `@media` rules stay.
Nothing is ever fetched.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import css_inline
from flask import current_app

from newsletter.core.i18n import speaking

TEXT_COLUMNS = 74
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


@dataclass(frozen=True)
class Rendered:
    """The words of one mail: a subject on one line, a plain text, an HTML document with inline styles."""

    subject: str
    text: str
    html: str


def render(name: str, language: str, values: Mapping[str, Any]) -> Rendered:
    """Return the mail `name` in `language` (`de` or `en`), its slots filled from `values`."""
    with speaking(language):
        subject, text, html = (
            # Without the context processors of the pages: a mail knows neither request nor session.
            current_app.jinja_env.get_template(f"email/{name}/{part}").render(**values, language=language)
            for part in ("subject.txt", "body.txt", "body.html")
        )
    lines = (wrapped for line in text.strip().splitlines() for wrapped in _wrap(line))
    return Rendered(" ".join(subject.split()), "\n".join(lines) + "\n", inline(html))


def _wrap(line: str) -> list[str]:
    # A link may not be broken, and neither may "-- ", which tells mail programs that the signature follows.
    if len(line) <= TEXT_COLUMNS or "://" in line:
        return [line]
    return textwrap.wrap(line, TEXT_COLUMNS, break_long_words=False, break_on_hyphens=False)


def inline(html: str) -> str:
    """Return the document with its styles in the elements."""
    return str(_inliner.inline(html))
