"""A relay that takes everything and answers late: `python -m bench.sink --delay 0.08`.

Each reply goes out `--delay` seconds after its cause came in, as over a line of that round-trip time, however
many connections there are. Announces PIPELINING (RFC 2920). Prints its port, and what it got when it is ended.
"""

import argparse
import asyncio
import json
import selectors
import signal
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

END = b"\r\n.\r\n"
EHLO = b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
REPLIES = {
    b"EHLO": EHLO,
    b"HELO": b"250 sink.example\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
FINE = b"250 2.0.0 ok\r\n"


@dataclass
class Taken:
    """What came in: mails, their octets between DATA and the final dot, and between which moments (monotonic)."""

    mails: int = 0
    octets: int = 0
    connections: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def count(self, octets: int) -> None:
        """Note one mail."""
        self.mails += 1
        self.octets += octets
        self.last_at = time.monotonic()
        self.first_at = self.first_at or self.last_at


class Line(asyncio.Protocol):
    """One connection: commands and mails in, replies out, each in its time and all in order."""

    transport: asyncio.Transport

    def __init__(self, taken: Taken, delay: float, keep: Path | None) -> None:
        self._taken, self._delay, self._keep = taken, delay, keep
        self._buffer = bytearray()
        self._in_mail = False
        self._searched = 0
        self._owed: deque[bytes] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._taken.connections += 1
        self._answer(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take what is complete, and answer it all at once: one write per read, as real servers do."""
        self._buffer += data
        replies = []
        while (reply := self._mail() if self._in_mail else self._command()) is not None:
            replies.append(reply)
        if replies:
            self._answer(b"".join(replies))

    def _command(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        word = bytes(self._buffer[:4]).upper()
        # The line end stays: the final dot of an empty mail follows it at once.
        del self._buffer[: end if word == b"DATA" else end + 2]
        self._in_mail, self._searched = word == b"DATA", 0
        return REPLIES.get(word, FINE)

    def _mail(self) -> bytes | None:
        end = self._buffer.find(END, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(END) + 1)
            return None
        if self._keep is not None:
            self._keep.write_bytes(self._buffer[2 : end + 2])
        del self._buffer[: end + len(END)]
        self._in_mail = False
        self._taken.count(end)
        return FINE

    def _answer(self, reply: bytes) -> None:
        self._owed.append(reply)
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._pay)
        else:
            self._pay()

    def _pay(self) -> None:
        # In the order in which they were owed, whatever the order of two timers of the same moment.
        reply = self._owed.popleft()
        self.transport.write(reply)
        if reply.endswith(REPLIES[b"QUIT"]):
            self.transport.close()


async def serve(delay: float, keep: Path | None) -> Taken:
    """Serve on a free port, which is printed, until SIGTERM; return what came."""
    taken, ended = Taken(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Line(taken, delay, keep), "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    server.close()
    return taken


def event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose timers are exact: epoll(7) counts in whole milliseconds, select(2) in microseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def main(arguments: list[str]) -> None:
    """Read the options, serve, print what came as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__.splitlines()[0])
    parser.add_argument("--delay", type=float, default=0.0, help="seconds by which every reply is late")
    parser.add_argument("--keep", type=Path, help="a file that gets the last mail as it came, dots and all")
    options = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        print(json.dumps(asdict(runner.run(serve(options.delay, options.keep)))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
