"""SMTP as a stream, without a socket: what to write, what the replies mean, and what is known when it breaks.

With PIPELINING (RFC 2920) the content of one message and the envelope of the next go in one write, so that a
message costs one round trip: `DATA` ends a group of commands, and the content opens the next. Without it every
command waits for its reply. At most one message is between its final dot and the reply at any moment.

Letters are asked for when there is a place for one, and not before: what a connection holds has begun.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple

from newsletter.mail.replies import COMPLETED, STATUS_OCTETS, Reply

FINAL_DOT = b".\r\n"
MAX_REPLY_OCTETS = 64 * 1024
CLOSING = 421
GO_ON = 354


class Stage(Enum):
    """What a reply answers."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    DISCARD = auto()  # the end of an empty message nobody wants
    RSET = auto()


# Looking a member up in its class is slow (some 70 ns in Python 3.11), and a mail needs a dozen of them.
MAIL, RCPT, DATA, DOT, DISCARD, RSET = Stage


class Fate(Enum):
    """What became of a letter."""

    TAKEN = auto()
    REFUSED = auto()
    CLOSING = auto()  # 421: the relay takes nothing more on this connection; this letter has not gone
    DROPPED = auto()  # the connection broke before the letter was handed over whole
    IN_DOUBT = auto()  # it broke between the final dot and the reply (RFC 1047)


@dataclass(slots=True)
class Letter:
    """One message for one recipient. `key` is the sender's own; `content` is the message in pieces, which are put
    together once, with what else is written; it ends with CRLF and is dot-stuffed."""

    key: Any
    envelope_from: bytes
    to: bytes
    content: Sequence[bytes]


Supply = Callable[[], Letter | None]
"""Gives the next letter, or None when there is none now."""


class Verdict(NamedTuple):
    """The fate of a letter, with the stage and the reply that decided it."""

    letter: Letter
    fate: Fate
    stage: Stage = Stage.DOT
    reply: Reply | None = None


class Pipeline:
    """One connection's conversation. `begin`, write `outgoing()`, say how much went, pass on what came."""

    def __init__(self, supply: Supply, *, pipelining: bool) -> None:
        self._supply = supply
        self._pipelining = pipelining
        self._commands: deque[tuple[Stage, bytes]] = deque()
        self._awaited: deque[tuple[Stage, Letter]] = deque()
        self._refusal: tuple[Stage, Reply] | None = None
        self._mail_taken = False
        self._current: Letter | None = None
        self._out: list[bytes] = []
        self._written = self._queued = self._offered = 0
        self._dot_at = 0
        self._buffer = b""
        self.closing = False
        """Whether the relay has said that it takes no more here (421)."""
        self.garbled = False
        """Whether what the relay says is no SMTP; nothing that follows can be trusted."""

    def begin(self) -> bool:
        """Start the next letter's envelope, if there is a place and a letter; return whether one was started."""
        envelope = self._next_envelope()
        if envelope:
            self._write(envelope)
        return bool(envelope)

    def _next_envelope(self) -> bytes:
        """Take the next letter, if there is a place and a letter; return what is to be written for it."""
        if not self.hungry:
            return b""
        letter = self._current = self._supply()
        if letter is None:
            return b""
        self._refusal, self._mail_taken = None, False
        mail = b"MAIL FROM:<" + letter.envelope_from + b">\r\n"
        rcpt = b"RCPT TO:<" + letter.to + b">\r\n"
        if self._pipelining:
            self._awaited.extend(((MAIL, letter), (RCPT, letter), (DATA, letter)))
            return mail + rcpt + b"DATA\r\n"
        self._commands.extend(((RCPT, rcpt), (DATA, b"DATA\r\n")))
        self._awaited.append((MAIL, letter))
        return mail

    @property
    def hungry(self) -> bool:
        """Whether a letter could begin now."""
        return self._current is None and not self.closing and (self._pipelining or not self._awaited)

    @property
    def load(self) -> int:
        """How many letters are on their way: 0, 1 or 2."""
        return (self._current is not None) + (self._dotted is not None)

    @property
    def waiting(self) -> bool:
        """Whether a reply is owed."""
        return bool(self._awaited)

    @property
    def at_dot(self) -> bool:
        """Whether the reply that is owed next is the one to a final dot, for which relays take their time."""
        return self._dotted is not None

    @property
    def unwritten(self) -> bool:
        """Whether something is to be written."""
        return bool(self._out)

    def outgoing(self) -> bytes:
        """Return everything that is to be written now."""
        if len(self._out) > 1:
            self._out = [b"".join(self._out)]
        return self._out[0] if self._out else b""

    def wrote(self, octets: int) -> None:
        """Note that the operating system took the first `octets` of `outgoing()`."""
        self._written += octets
        self._out = [self.outgoing()[octets:]] if self._written < self._queued else []

    def offered(self) -> None:
        """Note that some of `outgoing()` may be on the wire, nobody knows how much."""
        self._offered = self._queued

    def receive(self, data: bytes) -> list[Verdict]:
        """Take what the relay said; return the verdicts that follow from it. Gibberish shows in `garbled`."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        verdicts: list[Verdict] = []
        try:
            for line in lines:
                if line[3:4] != b"-":  # RFC 5321 §4.2.1: a hyphen says that more lines follow
                    self._reply(_read(line[: 4 + STATUS_OCTETS]), verdicts)
        except ValueError:
            self.garbled = True
        self.garbled = self.garbled or len(self._buffer) > MAX_REPLY_OCTETS
        return verdicts

    def lost(self) -> list[Verdict]:
        """Say what became of the letters on their way, the connection being gone."""
        verdicts = []
        if self._dotted is not None:
            # The relay can only have taken it when the dot had been given to the operating system.
            gone = max(self._written, self._offered) >= self._dot_at
            verdicts.append(Verdict(self._dotted, Fate.IN_DOUBT if gone else Fate.DROPPED))
        if self._current is not None:
            verdicts.append(Verdict(self._current, Fate.DROPPED, MAIL))
        self._current, self._awaited = None, deque()
        return verdicts

    @property
    def _dotted(self) -> Letter | None:
        first = self._awaited[0] if self._awaited else None
        return first[1] if first is not None and first[0] is DOT else None

    def _write(self, octets: bytes) -> None:
        self._out.append(octets)
        self._queued += len(octets)

    def _reply(self, reply: Reply, verdicts: list[Verdict]) -> None:
        if not self._awaited:
            raise ValueError("a reply that nothing asked for")
        stage, letter = self._awaited.popleft()
        if reply.code == CLOSING:
            self.closing = True
            if stage is not DISCARD and stage is not RSET:  # the fate of those is known already
                verdicts.append(Verdict(letter, Fate.CLOSING, stage, reply))
                self._forget(letter)
        elif stage is DOT:
            verdicts.append(Verdict(letter, Fate.TAKEN if reply.is_a(COMPLETED) else Fate.REFUSED, stage, reply))
        elif stage is MAIL or stage is RCPT:
            self._envelope(stage, letter, reply)
        elif stage is DATA:
            self._data(letter, reply, verdicts)
        if not self._pipelining:
            self.begin()

    def _envelope(self, stage: Stage, letter: Letter, reply: Reply) -> None:
        if reply.is_a(COMPLETED):
            self._mail_taken = self._mail_taken or stage is MAIL
        else:
            self._refusal = self._refusal or (stage, reply)
        if self._commands:  # without PIPELINING
            self._ask(*self._commands.popleft(), letter)

    def _data(self, letter: Letter, reply: Reply, verdicts: list[Verdict]) -> None:
        """Hand the content over, or leave the letter; the next one's envelope follows in the same write."""
        refusal = self._refusal or (None if reply.code == GO_ON else (DATA, reply))
        self._current = None
        if refusal is None:
            self._awaited.append((DOT, letter))
            envelope = self._next_envelope()
            self._write(b"".join((*letter.content, FINAL_DOT, envelope)))
            self._dot_at = self._queued - len(envelope)
            return
        if reply.code == GO_ON:
            self._ask(DISCARD, FINAL_DOT, letter)
        elif self._mail_taken:
            self._ask(RSET, b"RSET\r\n", letter)
        verdicts.append(Verdict(letter, Fate.REFUSED, *refusal))
        self.begin()

    def _ask(self, stage: Stage, command: bytes, letter: Letter) -> None:
        self._write(command)
        self._awaited.append((stage, letter))

    def _forget(self, letter: Letter) -> None:
        """Expect nothing more about a letter whose fate is known."""
        self._awaited = deque(item for item in self._awaited if item[1] is not letter)
        if self._current is letter:
            self._current = None
            self._commands.clear()


@lru_cache(maxsize=1024)
def _read(start: bytes) -> Reply:
    """Take code and status out of the start of a reply's last line: a relay says few different things."""
    return Reply.read(int(start[:3]), start[4:].rstrip(b"\r"))
