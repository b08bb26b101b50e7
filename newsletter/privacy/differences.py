"""What differs between two texts, paragraph by paragraph."""

from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class Difference:
    """Paragraphs that stand in one place: those of before are `gone`, and these `come` instead."""

    gone: list[str]
    come: list[str]


def between(before: str, after: str) -> list[Difference]:
    r"""Return where the texts differ, from top to bottom.

    >>> between("Hello.\n\nOld.", "Hello.\n\nNew.")
    [Difference(gone=['Old.'], come=['New.'])]
    """
    old, new = before.split("\n\n"), after.split("\n\n")
    places = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Difference(old[a:b], new[c:d]) for what, a, b, c, d in places if what != "equal"]
