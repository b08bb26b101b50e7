"""Markdown, as staff write it, to the HTML and the text of a mail. No raw HTML, no relative or odd links."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from newsletter.campaigns.plaintext import plain_text
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _

MEASURED_SCHEMES = ("http", "https")
SCHEMES = (*MEASURED_SCHEMES, "mailto", "tel")
_parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable(
    ["table", "strikethrough"]
)
# Told apart here, with a word on what is wrong, instead of being left standing as text.
_parser.validateLink = lambda url: True  # type: ignore[method-assign]
LinkWriter = Callable[[str], str]


@dataclass(frozen=True)
class Body:
    """The body of a campaign: its tokens, and the targets that are counted, in order, each once."""

    tokens: tuple[Token, ...]
    links: tuple[str, ...]

    def html(self, write_link: LinkWriter) -> tuple[str, str]:
        """Return the heading that the body starts with ("" if none) and the rest as HTML, counted targets written."""
        for token in _inline(self.tokens, "link_open"):
            token.meta.setdefault("href", token.attrs["href"])
            token.attrs["href"] = self._written(str(token.meta["href"]), write_link)
        lead, rest = self._parts()
        return _html(lead), _html(rest)

    def text(self, write_link: LinkWriter) -> tuple[str, str]:
        """Return the same two as plain text that reads well, links behind their words."""
        lead, rest = self._parts()
        return plain_text(lead, self._writer(write_link)), plain_text(rest, self._writer(write_link))

    def _parts(self) -> tuple[Sequence[Token], Sequence[Token]]:
        # The greeting stands below the heading, as in a letter.
        length = 3 if self.tokens and self.tokens[0].type == "heading_open" else 0
        return self.tokens[:length], self.tokens[length:]

    def _writer(self, write_link: LinkWriter) -> LinkWriter:
        return lambda url: self._written(url, write_link)

    def _written(self, url: str, write_link: LinkWriter) -> str:
        return write_link(url) if url in self.links else url


def _html(tokens: Sequence[Token]) -> str:
    return str(RendererHTML().render(list(tokens), _parser.options, {}))


def parse(markdown: str) -> Body:
    """Return the body; raise `Invalid` for `markdown` that names a link or image which can't be mailed."""
    tokens = tuple(_parser.parse(markdown))
    for token in _inline(tokens, "link_open"):
        _check_link(str(token.attrs["href"]))
    for token in _inline(tokens, "image"):
        raise Invalid({"markdown": _("Images can't be used yet: %(url)s", url=str(token.attrs["src"])[:200])})
    targets = [str(token.attrs["href"]) for token in _inline(tokens, "link_open")]
    return Body(tokens, tuple(dict.fromkeys(url for url in targets if urlsplit(url).scheme in MEASURED_SCHEMES)))


def _inline(tokens: tuple[Token, ...], kind: str) -> list[Token]:
    return [child for token in tokens for child in token.children or [] if child.type == kind]


def _check_link(url: str) -> None:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in SCHEMES and bool(parts.hostname if parts.scheme in MEASURED_SCHEMES else parts.path)
    except ValueError:
        complete = False
    if not complete or not url.isascii() or len(url) > 2000:
        text = _("This link is not complete: %(url)s. Start it with https://, mailto: or tel:", url=url[:200])
        raise Invalid({"markdown": text})
