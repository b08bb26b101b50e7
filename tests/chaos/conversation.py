"""The relay's side of SMTP: one connection, with PIPELINING (RFC 2920)."""

import asyncio
import random
import re
import time

from tests.chaos.troubles import Kind, Phase, Relay

RECIPIENT = re.compile(rb"RCPT TO:<([^>]*)>", re.IGNORECASE)
HANG_SECONDS = 600
END = b"\r\n.\r\n"


class Gone(Exception):
    """The conversation has ended, by whomever."""


class Conversation(asyncio.Protocol):
    """One connection: replies are collected while there is input to work on, as real relays do."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._input = bytearray()
        self._replies: list[tuple[bytes, str | None]] = []
        self._ended = self._said_goodbye = False
        self._arrival: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._relay.connections += 1
        self._number = self._relay.connections
        self._relay.note(Kind.OPENED, self._number)
        self._task = asyncio.create_task(self._converse())

    def data_received(self, data: bytes) -> None:
        """Take what the client said."""
        self._input += data
        self._wake()

    def eof_received(self) -> None:
        """The client closes."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how it ended."""
        self._ended = True
        self._relay.note(Kind.CLOSED if self._said_goodbye else Kind.CUT, self._number)
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def _converse(self) -> None:
        try:
            self._say(b"220 chaos.example")
            while True:
                await self._command((await self._until(b"\r\n")).upper())
        except Gone:
            self._transport.abort()

    async def _command(self, line: bytes) -> None:
        if line.startswith(b"MAIL"):
            await self._mail()
        elif line.startswith(b"EHLO"):
            self._say(b"250-chaos.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES")
        elif line.startswith(b"QUIT"):
            self._said_goodbye = True
            self._say(b"221 2.0.0 bye")
            self._flush()
            raise Gone
        else:
            self._say(b"250 2.0.0 fine")

    async def _mail(self) -> None:
        """Take one mail: the envelope's commands come in order, and all of a pipelined group together."""
        begun_at, waits_at = time.monotonic(), random.choice((Phase.AFTER_MAIL, Phase.AFTER_354, Phase.AFTER_DOT))
        to = await self._coming_recipient()
        await self._meet(Phase.BEFORE_MAIL, to)
        self._relay.note(Kind.BEGUN, self._number, to, begun_at)
        await self._step(b"250 2.1.0 sender fine", Phase.AFTER_MAIL, to, waits_at)
        await self._until(b"\r\n")
        await self._step(b"250 2.1.5 recipient fine", Phase.AFTER_RCPT, to, waits_at)
        await self._until(b"\r\n")
        await self._step(b"354 go on", Phase.AFTER_354, to, waits_at)
        if not self._input:
            await self._more()
        await self._meet(Phase.IN_CONTENT, to)
        await self._until(END)
        self._relay.note(Kind.TAKEN, self._number, to)
        await self._meet(Phase.AFTER_DOT, to)
        await self._wait_turn(Phase.AFTER_DOT, waits_at)
        self._say(b"250 2.0.0 taken", to)

    async def _step(self, reply: bytes, phase: Phase, to: str, waits_at: Phase) -> None:
        await self._wait_turn(phase, waits_at)
        self._say(reply)
        await self._meet(phase, to)

    async def _wait_turn(self, phase: Phase, waits_at: Phase) -> None:
        seconds = self._relay.turn() if phase is waits_at else 0.0
        if seconds > 0:
            self._flush()
            await asyncio.sleep(seconds)

    async def _meet(self, phase: Phase, to: str) -> None:
        """Cause the trouble that is due here."""
        act = self._relay.trouble(phase, to)
        if act is None:
            return
        self._flush()
        self._relay.note(Kind.STRUCK, self._number, to)
        if act == "hang":
            self._transport.pause_reading()
            await asyncio.sleep(HANG_SECONDS)
        raise Gone

    async def _coming_recipient(self) -> str:
        """Look ahead: troubles before RCPT go by the recipient, too."""
        while b"\r\n" not in self._input:
            await self._more()
        found = RECIPIENT.match(self._input)
        if found is None:
            raise Gone
        return found[1].decode("ascii")

    async def _until(self, mark: bytes) -> bytes:
        searched = 0
        while (end := self._input.find(mark, searched)) < 0:
            searched = max(0, len(self._input) - len(mark))
            await self._more()
        octets = bytes(self._input[:end])
        del self._input[: end + len(mark)]
        return octets

    async def _more(self) -> None:
        self._flush()
        if self._ended:
            raise Gone
        self._arrival = asyncio.get_running_loop().create_future()
        await self._arrival

    def _say(self, reply: bytes, about: str | None = None) -> None:
        self._replies.append((reply + b"\r\n", about))

    def _flush(self) -> None:
        replies, self._replies = self._replies, []
        if not replies or self._ended:
            return
        self._transport.write(b"".join(reply for reply, _about in replies))
        for _reply, about in replies:
            if about is not None:
                self._relay.note(Kind.ANSWERED, self._number, about)
