"""The relay whose replies are late."""

import asyncio
import smtplib
import socket
import time
from pathlib import Path

from bench.relays import Relay, late_sink
from bench.sink import Line, Taken

ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"


def test_it_counts_mails_and_their_octets_and_keeps_the_last(tmp_path: Path) -> None:
    with late_sink(keep=tmp_path / "mail") as relay, smtplib.SMTP("127.0.0.1", relay.port) as connection:
        for text in (b"Subject: 1\r\n\r\nHallo\r\n", b"Subject: 2\r\n\r\n.dot\r\n"):
            connection.sendmail("a@example.org", ["b@example.org"], text)

    assert relay.taken is not None
    assert (relay.taken.mails, relay.taken.connections) == (2, 1)
    assert relay.taken.octets == len(b"Subject: 1\r\n\r\nHallo\r\n" + b"Subject: 2\r\n\r\n..dot\r\n")
    assert (tmp_path / "mail").read_bytes() == b"Subject: 2\r\n\r\n..dot\r\n"


def test_pipelined_commands_are_answered_together_and_in_order() -> None:
    with late_sink(0.05) as relay, talking(relay) as connection:
        start = time.monotonic()
        connection.sendall(ENVELOPE)
        assert read(connection, 3) == [b"250", b"250", b"354"]
        connection.sendall(b"\r\n.\r\n" + ENVELOPE)
        assert read(connection, 4) == [b"250", b"250", b"250", b"354"]
        connection.sendall(b"Hallo\r")
        connection.sendall(b"\n.\r\nQUIT\r\n")
        assert read(connection, 2) == [b"250", b"221"]
        seconds = time.monotonic() - start

    assert seconds >= 3 * 0.05
    assert relay.taken is not None
    assert relay.taken.mails == 2


def test_it_does_not_matter_where_reads_cut_a_conversation() -> None:
    said = ENVELOPE + b"Hallo\r\n.\r\n" + ENVELOPE + b".\r\nQUIT\r\n"

    for cut in range(1, len(said)):
        taken, transport = Taken(), Kept()
        line = Line(taken, 0.0, None)
        line.connection_made(transport)
        line.data_received(said[:cut])
        line.data_received(said[cut:])

        codes = [reply[:3] for reply in b"".join(transport.written).splitlines()]
        assert codes == [b"220", *[b"250", b"250", b"354", b"250"] * 2, b"221"], cut
        assert (taken.mails, taken.octets) == (2, len(b"Hallo\r\n")), cut


def test_connections_do_not_wait_for_each_other() -> None:
    with late_sink(0.2) as relay, talking(relay) as one, talking(relay) as other:
        one.sendall(b"NOOP\r\n")
        other.sendall(b"NOOP\r\n")
        read(one, 1)
        other.settimeout(0.19)

        assert read(other, 1) == [b"250"]


class Kept(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        pass


def talking(relay: Relay) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", relay.port), 10)
    assert read(connection, 1) == [b"220"]
    return connection


def read(connection: socket.socket, number: int) -> list[bytes]:
    """Return the codes of the next replies, of one line each."""
    seen = b""
    while seen.count(b"\r\n") < number:
        received = connection.recv(4096)
        assert received, "the connection was closed"
        seen += received
    return [line[:3] for line in seen.splitlines()]
