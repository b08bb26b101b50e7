"""Blocks: a campaign's body as a list of typed parts, for those who build one by program. Stored as Markdown."""

import re
from collections.abc import Callable
from typing import Any

from newsletter.core import texts
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _

MAX_BLOCKS = 200
Block = dict[str, Any]
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_NOT_IN_A_URL = re.compile(r"[\s<>\\]")


def to_markdown(blocks: Any) -> str:
    """Return the Markdown that stands for `blocks`; raise `Invalid` for `blocks` that says which one is wrong.

    >>> to_markdown([{"type": "heading", "text": "Hello"}, {"type": "text", "markdown": "It is *here*."}])
    '## Hello\\n\\nIt is *here*.'
    """
    if not isinstance(blocks, list):
        raise Invalid({"blocks": _("This must be a list of blocks.")})
    if len(blocks) > MAX_BLOCKS:
        raise Invalid({"blocks": _("A campaign may have up to %(number)s blocks.", number=MAX_BLOCKS)})
    return "\n\n".join(_part(number, block) for number, block in enumerate(blocks, start=1))


def _part(number: int, block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    members, write = KINDS.get(kind if isinstance(kind, str) else "", ((), None))
    if write is None:
        kinds = ", ".join(KINDS)
        raise Invalid({"blocks": _("Block %(number)s needs a type: %(kinds)s.", number=number, kinds=kinds)})
    if set(block) != {"type", *members} or not all(isinstance(block[name], str) for name in members):
        names = ", ".join(members) or "-"
        raise Invalid({"blocks": _("Block %(number)s must have these texts: %(names)s.", number=number, names=names)})
    written = write(block)
    if not written:
        raise Invalid({"blocks": _("Block %(number)s can't be used like this.", number=number)})
    return written


def _heading(block: Block) -> str:
    text = _literal(block["text"])
    return f"## {text}" if text else ""


def _text(block: Block) -> str:
    return str(block["markdown"]).strip()


def _button(block: Block) -> str:
    text = _literal(block["text"])
    return f"[{text}](<{block['url']}>)" if text and not _NOT_IN_A_URL.search(block["url"]) else ""


def _divider(_block: Block) -> str:
    return "---"


def _literal(text: str) -> str:
    """Return `text` as Markdown that means just these characters; empty when it is not one line."""
    return _PUNCTUATION.sub(r"\\\1", text.strip()) if texts.is_line(text) else ""


KINDS: dict[str, tuple[tuple[str, ...], Callable[[Block], str]]] = {
    "heading": (("text",), _heading),
    "text": (("markdown",), _text),
    "button": (("text", "url"), _button),
    "divider": ((), _divider),
}
"""Each type with the texts it is made of, and how it is written."""
