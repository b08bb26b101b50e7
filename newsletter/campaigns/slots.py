"""A mail with slots: everything that is the same for all recipients is bytes already, encoded for its place.

A marker stands for a slot while the mail is being rendered; `Form.cut` then splits the bytes there. In a
quoted-printable part every slot stands between soft line breaks, so that a value needs to know nothing of
the line it lands in.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Self

from newsletter.mail import mime


class Slot(IntEnum):
    """What differs from recipient to recipient; also the index of its value in `Form.fill`."""

    TO = 0
    MESSAGE_ID = 1
    UNSUBSCRIBE = 2
    PREFERENCES = 3
    MEASUREMENT = 4
    GREETING_TEXT = 5
    GREETING_HTML = 6


class Markers:
    """Words that stand for slots during one compilation; nobody can have written them."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(8)
        self.pattern = re.compile(f"q{self._nonce}s([0-9]+)q")

    def mark(self, slot: Slot) -> str:
        """Return the marker of a slot: letters and digits only, so that no encoding touches it."""
        return f"q{self._nonce}s{slot.value}q"


class Form:
    """A compiled mail: pieces of bytes, every second of them a gap, and which slot's value goes into each gap."""

    def __init__(self, pieces: Sequence[bytes], slots: Sequence[int]) -> None:
        self._pieces = list(pieces)
        self._values = itemgetter(*slots)

    @classmethod
    def cut(cls, head: str, text: str, html: str, boundary: str, markers: Markers) -> Self:
        """Return the form of a mail whose headers (with line ends), text and HTML hold two markers at least."""
        form = _Cutter(markers)
        before, between, behind = mime.frame(boundary)
        form.header(head)
        form.literal(before)
        form.part(text)
        form.literal(between)
        form.part(html)
        form.literal(behind)
        return cls(form.pieces, form.slots)

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        """Return the mail for one recipient, in pieces; `values` by `Slot`, each encoded for its place."""
        pieces = self._pieces.copy()
        pieces[1::2] = self._values(values)
        return pieces


class _Cutter:
    """Collects the pieces, beginning and ending with a literal; literals that follow each other become one."""

    def __init__(self, markers: Markers) -> None:
        self.pieces: list[bytes] = [b""]
        self.slots: list[int] = []
        self._pattern = markers.pattern

    def literal(self, piece: bytes) -> None:
        self.pieces[-1] += piece

    def header(self, text: str) -> None:
        self._split(text, str.encode, b"")

    def part(self, text: str) -> None:
        self._split(text, mime.quoted_printable, mime.SOFT_BREAK)

    def _split(self, text: str, encode: Callable[[str], bytes], around: bytes) -> None:
        for index, word in enumerate(self._pattern.split(text)):
            if index % 2:
                if around and not self.pieces[-1].endswith(b"\n"):
                    self.pieces[-1] = mime.with_room(self.pieces[-1]) + around
                self.slots.append(int(word))
                self.pieces += [b"", around]
            else:
                self.pieces[-1] += encode(word)
