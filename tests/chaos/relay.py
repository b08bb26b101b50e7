"""A relay that is quick, writes down what it gets, and misbehaves when told: SMTP by hand, a process of its own.

    python -m tests.chaos.relay LOG [narrow]

prints its port, then takes orders, one JSON object per line of standard input, each answered by a line; it ends
with its input. LOG gets a line per event, `kind clock wall connection address`, with the kinds of `Kind`; the clock
is the machine's monotonic one, the same in every process. `narrow` makes small socket buffers, so that a client
can't hand a long mail to the operating system whole.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import IO

from tests.chaos.conversation import Conversation
from tests.chaos.troubles import Relay

NARROW_OCTETS, NARROW_SEGMENT = 4096, 536


def listen(*, narrow: bool) -> socket.socket:
    """Return a socket that listens on the loopback."""
    listener = socket.socket()
    if narrow:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_OCTETS)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, NARROW_SEGMENT)
    listener.bind(("127.0.0.1", 0))
    return listener


def take_orders(order: Callable[[bytes], None], rest: bytearray) -> None:
    """Read what there is on standard input; the end of it is the end of the process."""
    octets = os.read(sys.stdin.fileno(), 65536)
    if not octets:
        os._exit(0)
    rest += octets
    *lines, last = bytes(rest).split(b"\n")
    rest[:] = last
    for line in lines:
        order(line)
        say("done")


def say(line: str) -> None:
    """Tell whoever started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(log: IO[str], *, narrow: bool) -> None:
    """Serve for ever."""
    relay, loop = Relay(log), asyncio.get_running_loop()
    listener = listen(narrow=narrow)
    await loop.create_server(partial(Conversation, relay), sock=listener)
    loop.add_reader(sys.stdin.fileno(), take_orders, relay.order, bytearray())
    say(str(listener.getsockname()[1]))
    await relay.flush()


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="ascii") as file:
        asyncio.run(main(file, narrow="narrow" in sys.argv[2:]))
