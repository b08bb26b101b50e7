"""What a check says: at what it looked, what it found wrong, and what it can't see. In English, as the command line."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from newsletter.core.db import db
from newsletter.promises.names import NAMES


@dataclass
class Check:
    """One promise, looked at. It is broken when something was found."""

    number: int
    unseen: str
    looked: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    @property
    def promise(self) -> str:
        """What the promise is called."""
        return NAMES[self.number]

    @property
    def held(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    def look(self, at: str, problems: int, problem: str) -> None:
        """Note that it looked `at` something, and `problem` if there were any; `problem` says what they are."""
        self.looked.append(at)
        if problems:
            self.found.append(f"{problems} × {problem}")

    def none(self, at: str, query: str, problem: str, **values: Any) -> None:
        """Look with SQL that counts what must not be there."""
        self.look(at, number(query, **values), problem)


def number(query: str, **values: Any) -> int:
    """Return the one number that the SQL asks for, 0 for NULL."""
    return int(db.session.execute(text(query), values).scalar_one() or 0)
