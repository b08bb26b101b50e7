"""A trap for programs that fill in forms: a field that people neither see nor reach by keyboard or screen reader."""

from collections.abc import Mapping

FIELD = "website"


def caught(values: Mapping[str, str]) -> bool:
    """Return whether someone filled in what nobody sees. They get the answer that people get."""
    return bool(values.get(FIELD, "").strip())
