"""What may stand in a text that people type, one rule for all of them: what a field takes, a mail can carry."""

import re

# Controls of ASCII and Latin-1 (NEL among them), line and paragraph separators, halves of surrogate pairs.
_NEVER = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# Signs that turn the direction of writing: in a name or a subject they make one thing look like another. A longer
# text may need them (Hebrew, Arabic), and there they end with their paragraph.
_TURNING = r"\u202a-\u202e\u2066-\u2069"
_NOT_IN_A_TEXT = re.compile(f"[{_NEVER}]")
_NOT_IN_A_LINE = re.compile(rf"[\t\n{_NEVER}{_TURNING}]")


def is_line(text: str) -> bool:
    """Return whether `text` is one line, as a name, a title or a header is. It may be empty.

    >>> is_line("Größe: 10 €"), is_line("two\\nlines"), is_line("two\\u0085lines"), is_line("moc.live\\u202e")
    (True, False, False, False)
    """
    return _NOT_IN_A_LINE.search(text) is None


def is_text(text: str) -> bool:
    """Return whether `text` is text of any number of lines, which end with `\\n` alone.

    >>> is_text("two\\n\\tlines"), is_text("two\\rlines"), is_text("\\ud800")
    (True, False, False)
    """
    return _NOT_IN_A_TEXT.search(text) is None
