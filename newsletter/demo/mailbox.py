"""The mails that the inbox has caught: one file each, as it came, with the envelope beside it."""

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

SHOWN = 500


@dataclass(frozen=True)
class CaughtMail:
    """One mail. `number` orders them: nanoseconds since 1970 when it came."""

    number: int
    raw: bytes
    envelope_from: str
    envelope_to: list[str]

    @cached_property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def caught_at(self) -> datetime:
        """When it came."""
        return datetime.fromtimestamp(self.number / 1e9, UTC)

    @property
    def subject(self) -> str:
        """The decoded subject, or an empty word."""
        return str(self.message["Subject"] or "")

    @property
    def sender(self) -> str:
        """The decoded From."""
        return str(self.message["From"] or "")

    @property
    def html(self) -> str:
        """The HTML part, or an empty word."""
        return self._part("html")

    @property
    def text(self) -> str:
        """The text part, or an empty word."""
        return self._part("plain")

    @property
    def source(self) -> str:
        """The mail as it went over the wire."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""


class Mailbox:
    """A directory of mails. A mail is there when its envelope is; the envelope is put last, in one step."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known: dict[int, CaughtMail] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, raw: bytes, envelope_from: str, envelope_to: list[str]) -> int:
        """Keep a mail and return its number."""
        number = time.time_ns()
        self._mail(number).write_bytes(raw)
        unfinished = self.directory / f"{number}.part"
        unfinished.write_text(json.dumps({"from": envelope_from, "to": envelope_to}))
        os.replace(unfinished, self._envelope(number))
        return number

    def newest(self) -> list[CaughtMail]:
        """Return the mails, newest first, up to 500."""
        numbers = sorted((int(path.stem) for path in self.directory.glob("*.json")), reverse=True)[:SHOWN]
        # Mails don't change, and the page asks every few seconds: each is parsed once.
        shown = {number: self._known.get(number) or self.get(number) for number in numbers}
        self._known = {number: mail for number, mail in shown.items() if mail is not None}
        return list(self._known.values())

    def get(self, number: int) -> CaughtMail | None:
        """Return one mail, or None when there is none of this number."""
        try:
            envelope = json.loads(self._envelope(number).read_text())
            raw = self._mail(number).read_bytes()
        except FileNotFoundError:
            return None
        return CaughtMail(number, raw, envelope["from"], envelope["to"])

    def _mail(self, number: int) -> Path:
        return self.directory / f"{number}.eml"

    def _envelope(self, number: int) -> Path:
        return self.directory / f"{number}.json"
