"""One rule for what people type: whatever a field takes, every place behind it can carry."""

from collections.abc import Callable

import pytest
from flask import Flask

from newsletter.campaigns import blocks, fields
from newsletter.core import texts
from newsletter.core.errors import Invalid
from newsletter.mail import mime
from newsletter.recipients import newsletters
from newsletter.recipients.person import Person
from newsletter.staff import tokens

STRANGE = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u2028\u2029\u202a\u202e\u2066\u2069\ud800\udfff"]
LINES: dict[str, Callable[[str], object]] = {
    "a newsletter's title": lambda text: newsletters.validated({"title": text}),
    "a newsletter's sender": lambda text: newsletters.validated({"from_name": text}),
    "a campaign's subject": lambda text: fields.validated({"subject": text}),
    "a campaign's preheader": lambda text: fields.validated({"preheader": text}),
    "a heading": lambda text: blocks.to_markdown([{"type": "heading", "text": text}]),
    "a person's name": lambda text: Person.parse({"last_name": text}),
    "a token's name": tokens.create,
}
TEXTS: dict[str, Callable[[str], object]] = {
    "an imprint": lambda text: newsletters.validated({"imprint": text}),
    "a consent text": lambda text: newsletters.validated({"consent_text": text}),
    "a campaign's text": lambda text: fields.validated({"markdown": text}),
}


@pytest.mark.parametrize("take", LINES.values(), ids=LINES)
def test_no_line_takes_what_a_header_can_not_carry(app: Flask, take: Callable[[str], object]) -> None:
    for character in STRANGE:
        with pytest.raises(mime.BadHeader):
            mime.text_header("Subject", f"a{character}b")
        with pytest.raises(Invalid):
            take(f"a{character}b")


@pytest.mark.parametrize("take", TEXTS.values(), ids=TEXTS)
def test_a_text_has_lines_and_nothing_stranger(app: Flask, take: Callable[[str], object]) -> None:
    take("one\n\n\ttwo\r\nthree \u202bעברית\u202c")

    for character in set(STRANGE) - set("\t\n\u202a\u202e\u2066\u2069"):
        with pytest.raises(Invalid):
            take(f"a{character}b")


@pytest.mark.parametrize("text", ["", "Größe: 10 €", "דואר", "👩\u200d🌾 heute", "a\u00a0b", "a\u200eb"])
def test_what_languages_need_is_taken(text: str) -> None:
    assert texts.is_line(text)
    assert texts.is_text(text)
