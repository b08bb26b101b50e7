"""What a run has to say at its end."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`numbers` in words, and `broken`: the promises that were seen broken, none when all is well."""

    numbers: str
    broken: Sequence[str]
