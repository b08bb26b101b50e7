"""The text part of a campaign from the tokens of its Markdown: made to be read, not left over."""

from collections.abc import Callable, Iterable
from textwrap import wrap

from markdown_it.token import Token

WIDTH = 72
Write = Callable[[str], str]


def plain_text(tokens: Iterable[Token], write_link: Write) -> str:
    """Return the text, wrapped at 72 columns, with a link's target behind its words."""
    writer = _Writer(write_link)
    for token in tokens:
        writer.take(token)
    return writer.text()


class _Writer:
    """Collects blocks; a stack of prefixes carries quotes and list items."""

    def __init__(self, write_link: Write) -> None:
        self.blocks: list[str] = []
        self._tight: set[int] = set()
        self._write_link = write_link
        self._prefixes: list[str] = []
        self._numbers: list[int] = []
        self._marker = ""
        self._heading = ""
        self._row: list[str] = []
        self._first_item = False
        self._header_row = False

    def text(self) -> str:
        """Return the blocks, an empty line between them, none between rows and the items of a tight list."""
        pieces: list[str] = []
        for index, block in enumerate(self.blocks):
            gap = "\n" if index in self._tight else "\n\n"
            pieces += [gap if pieces else "", block]
        return "".join(pieces) + "\n" if pieces else ""

    def take(self, token: Token) -> None:
        """Handle one block token."""
        handler = getattr(self, f"_{token.type}", None)
        if handler is not None:
            handler(token)

    def _heading_open(self, token: Token) -> None:
        self._heading = "=" if token.tag == "h1" else "-"

    def _heading_close(self, _token: Token) -> None:
        self._heading = ""

    def _blockquote_open(self, _token: Token) -> None:
        self._prefixes.append("> ")

    def _blockquote_close(self, _token: Token) -> None:
        self._prefixes.pop()

    def _bullet_list_open(self, _token: Token) -> None:
        self._numbers.append(0)
        self._first_item = len(self._numbers) == 1

    def _ordered_list_open(self, token: Token) -> None:
        self._numbers.append(int(token.attrs.get("start", 1)))
        self._first_item = len(self._numbers) == 1

    def _bullet_list_close(self, _token: Token) -> None:
        self._numbers.pop()

    _ordered_list_close = _bullet_list_close

    def _list_item_open(self, _token: Token) -> None:
        number = self._numbers[-1]
        self._marker = f"{number}. " if number else "- "
        if number:
            self._numbers[-1] += 1
        self._prefixes.append(" " * len(self._marker))

    def _list_item_close(self, _token: Token) -> None:
        self._prefixes.pop()

    def _paragraph_open(self, token: Token) -> None:
        # markdown-it hides the paragraphs of a tight list.
        if token.hidden and not (self._numbers and self._first_item):
            self._tight.add(len(self.blocks))
        self._first_item = False

    def _hr(self, _token: Token) -> None:
        self.blocks.append("-" * WIDTH)

    def _tr_close(self, _token: Token) -> None:
        if not self._header_row:
            self._tight.add(len(self.blocks))
        self._header_row = False
        self.blocks.append(" | ".join(self._row))
        self._row = []

    def _table_open(self, _token: Token) -> None:
        self._header_row = True

    def _th_open(self, _token: Token) -> None:
        self._row.append("")

    _td_open = _th_open

    def _fence(self, token: Token) -> None:
        self._add(token.content.rstrip("\n").split("\n"))

    _code_block = _fence

    def _inline(self, token: Token) -> None:
        text = self._words(token.children or [])
        if self._row:
            self._row[-1] = text
            return
        room = WIDTH - sum(map(len, self._prefixes))
        lines = [
            piece
            for line in text.split("\n")
            for piece in wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]
        ]
        if self._heading:
            lines.append(self._heading * min(max(map(len, lines)), WIDTH))
        self._add(lines)

    def _add(self, lines: list[str]) -> None:
        prefix = "".join(self._prefixes)
        first = prefix[: len(prefix) - len(self._marker)] + self._marker if self._marker else prefix
        self._marker = ""
        self.blocks.append("\n".join(f"{prefix if n else first}{line}".rstrip() for n, line in enumerate(lines)))

    def _words(self, children: list[Token]) -> str:
        words: list[str] = []
        targets: list[tuple[str, int]] = []
        for child in children:
            if child.type in ("text", "code_inline"):
                words.append(child.content)
            elif child.type == "softbreak":
                words.append(" ")
            elif child.type == "hardbreak":
                words.append("\n")
            elif child.type == "link_open":
                targets.append((str(child.meta.get("href") or child.attrs["href"]), len(words)))
            elif child.type == "link_close":
                self._close_link(words, *targets.pop())
        return "".join(words)

    def _close_link(self, words: list[str], url: str, start: int) -> None:
        label = "".join(words[start:]).strip()
        target = self._write_link(url)
        bare = url.partition(":")[2] if url.startswith(("mailto:", "tel:")) else url
        words[start:] = [target if label in (url, bare) and label == target else _labelled(label, bare, url, target)]


def _labelled(label: str, bare: str, url: str, target: str) -> str:
    if label == bare and bare != url:
        return label  # mailto:x and tel:x say themselves where they lead
    if label in ("", url):
        return target
    return f"{label} ({bare if target == url and bare != url else target})"
