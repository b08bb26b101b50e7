"""SMTP as a stream, without a socket: what to write, what the replies mean, and what is known when it breaks.

With PIPELINING (RFC 2920) the content of one message and the envelope of the next go in one write, so that a
message costs one round trip: `DATA` ends a group of commands, and the content opens the next. Without it every
command waits for its reply. At most one message is between its final dot and the reply at any moment.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from newsletter.mail.transport import Reply

FINAL_DOT = b".\r\n"
MAX_REPLY_OCTETS = 64 * 1024


class Stage(Enum):
    """What a reply answers."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    DISCARD = auto()  # the end of an empty message nobody wants
    RSET = auto()


class Fate(Enum):
    """What became of a letter."""

    TAKEN = auto()
    REFUSED = auto()
    CLOSING = auto()  # 421: the relay takes nothing more on this connection; this letter has not gone
    DROPPED = auto()  # the connection broke before the letter was handed over whole
    IN_DOUBT = auto()  # it broke between the final dot and the reply (RFC 1047)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for one recipient. `key` is the sender's own; `content` ends with CRLF and is dot-stuffed."""

    key: Any
    envelope_from: bytes
    to: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fate of a letter, with the stage and the reply that decided it."""

    letter: Letter
    fate: Fate
    stage: Stage = Stage.DOT
    reply: Reply | None = None


class Pipeline:
    """One connection's conversation. `feed` letters, write `outgoing()`, say how much went, pass on what came."""

    def __init__(self, *, pipelining: bool) -> None:
        self._pipelining = pipelining
        self._next: deque[Letter] = deque()
        self._commands: deque[tuple[Stage, bytes]] = deque()
        self._awaited: deque[tuple[Stage, Letter]] = deque()
        self._refusal: tuple[Stage, Reply] | None = None
        self._mail_taken = False
        self._current: Letter | None = None
        self._out: list[bytes] = []
        self._written = self._queued = self._offered = 0
        self._dot_at: int | None = None
        self._buffer = b""

    def feed(self, letter: Letter) -> None:
        """Take a letter on. It goes when it is its turn."""
        self._next.append(letter)
        if self._current is None and (self._pipelining or not self._awaited):
            self._begin()

    @property
    def load(self) -> int:
        """How many letters are on their way, begun or not."""
        return len(self._next) + (self._current is not None) + (self._dotted is not None)

    @property
    def waiting(self) -> bool:
        """Whether a reply is owed."""
        return bool(self._awaited)

    @property
    def at_dot(self) -> bool:
        """Whether the reply that is owed next is the one to a final dot, for which relays take their time."""
        return bool(self._awaited) and self._awaited[0][0] is Stage.DOT

    def outgoing(self) -> bytes:
        """Return everything that is to be written now."""
        if len(self._out) > 1:
            self._out = [b"".join(self._out)]
        return self._out[0] if self._out else b""

    def wrote(self, octets: int) -> None:
        """Note that the operating system took the first `octets` of `outgoing()`."""
        self._written += octets
        rest = self.outgoing()[octets:]
        self._out = [rest] if rest else []

    def offered(self) -> None:
        """Note that some of `outgoing()` may be on the wire, nobody knows how much."""
        self._offered = self._queued

    def receive(self, data: bytes) -> Iterator[Verdict]:
        """Take what the relay said; yield the verdicts that follow from it. Raises `ValueError` for gibberish."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > MAX_REPLY_OCTETS:
            raise ValueError("a reply without end")
        for line in lines:
            if line[3:4] != b"-":  # RFC 5321 §4.2.1: a hyphen says that more lines follow
                yield from self._reply(Reply.read(int(line[:3]), line[4:].rstrip(b"\r")))

    def release(self) -> list[Letter]:
        """Give back the letters that have not begun."""
        letters = list(self._next)
        self._next.clear()
        return letters

    def lost(self) -> list[Verdict]:
        """Say what became of the letters on their way, the connection being gone."""
        verdicts = [Verdict(letter, Fate.DROPPED, Stage.MAIL) for letter in self.release()]
        if self._current is not None:
            verdicts.insert(0, Verdict(self._current, Fate.DROPPED, Stage.MAIL))
        if self._dotted is not None:
            # The relay can only have taken it when the dot had been given to the operating system.
            gone = self._dot_at is not None and max(self._written, self._offered) >= self._dot_at
            verdicts.insert(0, Verdict(self._dotted, Fate.IN_DOUBT if gone else Fate.DROPPED))
        self._current, self._awaited = None, deque()
        return verdicts

    @property
    def _dotted(self) -> Letter | None:
        first = self._awaited[0] if self._awaited else None
        return first[1] if first is not None and first[0] is Stage.DOT else None

    def _write(self, octets: bytes) -> None:
        self._out.append(octets)
        self._queued += len(octets)

    def _begin(self) -> None:
        """Start the next letter's envelope, if there is one."""
        self._refusal, self._mail_taken, self._current = None, False, None
        if not self._next:
            return
        letter = self._current = self._next.popleft()
        self._commands.extend(
            (
                (Stage.MAIL, b"MAIL FROM:<" + letter.envelope_from + b">\r\n"),
                (Stage.RCPT, b"RCPT TO:<" + letter.to + b">\r\n"),
                (Stage.DATA, b"DATA\r\n"),
            )
        )
        self._go_on(letter)

    def _go_on(self, letter: Letter) -> None:
        """Write the commands that may be written now: the whole group, or the next one."""
        while self._commands:
            stage, command = self._commands.popleft()
            self._write(command)
            self._awaited.append((stage, letter))
            if not self._pipelining:
                return

    def _reply(self, reply: Reply) -> Iterator[Verdict]:
        if not self._awaited:
            raise ValueError("a reply that nothing asked for")
        stage, letter = self._awaited.popleft()
        if reply.code == 421 and stage not in (Stage.DISCARD, Stage.RSET):
            yield Verdict(letter, Fate.CLOSING, stage, reply)
            self._forget(letter)
        elif stage is Stage.DOT:
            yield Verdict(letter, Fate.TAKEN if _good(reply) else Fate.REFUSED, stage, reply)
        elif stage in (Stage.MAIL, Stage.RCPT):
            self._envelope(stage, letter, reply)
        elif stage is Stage.DATA:
            yield from self._data(letter, reply)
        if not self._pipelining and not self._awaited and self._current is None:
            self._begin()

    def _envelope(self, stage: Stage, letter: Letter, reply: Reply) -> None:
        if _good(reply):
            self._mail_taken = self._mail_taken or stage is Stage.MAIL
        else:
            self._refusal = self._refusal or (stage, reply)
        self._go_on(letter)

    def _data(self, letter: Letter, reply: Reply) -> Iterator[Verdict]:
        """Hand the content over, or leave the letter; the next one's envelope follows in the same write."""
        refusal = self._refusal or (None if reply.code == 354 else (Stage.DATA, reply))
        if refusal is None:
            self._write(letter.content)
            self._write(FINAL_DOT)
            self._dot_at = self._queued
            self._awaited.append((Stage.DOT, letter))
        else:
            if reply.code == 354:
                self._ask(Stage.DISCARD, FINAL_DOT, letter)
            elif self._mail_taken:
                self._ask(Stage.RSET, b"RSET\r\n", letter)
            yield Verdict(letter, Fate.REFUSED, *refusal)
        self._current = None
        if self._pipelining:
            self._begin()

    def _ask(self, stage: Stage, command: bytes, letter: Letter) -> None:
        self._write(command)
        self._awaited.append((stage, letter))

    def _forget(self, letter: Letter) -> None:
        """Expect nothing more about a letter whose fate is known."""
        self._awaited = deque(item for item in self._awaited if item[1] is not letter)
        if self._current is letter:
            self._current = None
            self._commands.clear()


def _good(reply: Reply) -> bool:
    """Go by the first digit (RFC 5321 §4.2)."""
    return 200 <= reply.code < 300
