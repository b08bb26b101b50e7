"""What a benchmark found: figures with a goal, as one table and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

HEAD = ("figure", "measured", "goal", "ratio", "")


@dataclass(frozen=True)
class Figure:
    """One number. `goal` is what it should be at least, or at most; None where it only tells about the others."""

    name: str
    measured: float
    unit: str = ""
    goal: float | None = None
    at_most: bool = False

    @property
    def ratio(self) -> float | None:
        """What was measured, as a part of the goal."""
        return self.measured / self.goal if self.goal else None

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without one."""
        if self.goal is None:
            return None
        return self.measured <= self.goal if self.at_most else self.measured >= self.goal

    def row(self) -> tuple[str, ...]:
        """Return the words of its line in the table."""
        goal = "" if self.goal is None else f"{'≤' if self.at_most else '≥'} {spelled(self.goal)} {self.unit}".rstrip()
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = {True: "met", False: "not met", None: ""}[self.met]
        return self.name, f"{spelled(self.measured)} {self.unit}".rstrip(), goal, ratio, verdict


def spelled(number: float) -> str:
    """Return the number with about three digits that count, and no fewer before the point.

    >>> spelled(12345.6), spelled(123.4), spelled(12.34), spelled(1.234), spelled(4.0)
    ('12,346', '123', '12.3', '1.23', '4')
    """
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2
    text = f"{number:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as lines of text: those with a goal first, numbers to the right."""
    ordered = sorted(figures, key=lambda figure: figure.goal is None)
    rows: Sequence[tuple[str, ...]] = [HEAD, *(figure.row() for figure in ordered)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(row, widths) for row in [rows[0], rule, *rows[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, measured, goal, ratio, verdict = (word.strip() for word in row)
    words = [name.ljust(widths[0]), measured.rjust(widths[1]), goal.rjust(widths[2]), ratio.rjust(widths[3]), verdict]
    return "  ".join(words).rstrip()


def as_json(figures: Iterable[Figure]) -> str:
    """Return the figures as a JSON array of objects."""
    objects = [asdict(figure) | {"ratio": figure.ratio, "met": figure.met} for figure in figures]
    return json.dumps(objects, indent=1, ensure_ascii=False) + "\n"
