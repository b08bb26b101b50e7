"""One connection to the relay that never waits: a socket, the conversation on it, and when it is overdue."""

import selectors
import smtplib
import ssl
import time
from collections.abc import Callable

from flask import current_app

from newsletter.mail.pipeline import Fate, Pipeline, Supply, Verdict
from newsletter.mail.transport import FINAL_DOT_SECONDS, Relay

READ_OCTETS = 64 * 1024
SHORTEST_SECONDS = 0.01
"""What a goodbye has when there is no time left: most relays need less."""
_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Line:
    """Takes letters from `supply`, and gives verdicts as the relay's replies come in. Driven by a selector."""

    def __init__(self, relay: Relay, supply: Supply, may_write: Callable[[], bool]) -> None:
        host = relay.host
        if host is None or host.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self._relay = relay
        self._may_write = may_write
        self._sock = host.sock
        self._sock.setblocking(False)
        # How many octets TLS has decrypted already: a selector does not see them.
        self._decrypted: Callable[[], int] = getattr(self._sock, "pending", lambda: 0)
        self._pipeline = Pipeline(supply, pipelining=host.has_extn("pipelining"))
        self._command_seconds: int = current_app.config["MAIL_TIMEOUT"]
        self._heard_at = time.monotonic()
        self._broken = False
        self.useful = False
        """Whether the relay has taken a mail on this line."""
        self.watched = selectors.EVENT_READ

    def fileno(self) -> int:
        """Return the socket's number."""
        return self._sock.fileno()

    @property
    def load(self) -> int:
        """How many letters are on their way here."""
        return self._pipeline.load

    @property
    def hungry(self) -> bool:
        """Whether a letter could begin here now."""
        return self._pipeline.hungry

    @property
    def closing(self) -> bool:
        """Whether the relay has said that it takes no more here."""
        return self._pipeline.closing

    @property
    def finished(self) -> bool:
        """Whether this line is of no more use."""
        return self._broken or self._pipeline.garbled or self._pipeline.closing

    @property
    def events(self) -> int:
        """What the selector is to look for."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._pipeline.unwritten else 0)

    def overdue(self, now: float) -> bool:
        """Return whether the relay has owed a reply for longer than it may; `now` is monotonic."""
        patience = FINAL_DOT_SECONDS if self._pipeline.at_dot else self._command_seconds
        return self._pipeline.waiting and now - self._heard_at > patience

    def begin(self) -> bool:
        """Begin the next letter, if there is one, and write as much as goes now; return whether there was one."""
        waiting = self._pipeline.waiting
        if not self._pipeline.begin():
            return False
        if not waiting:
            self._heard_at = time.monotonic()  # patience begins with the question
        self.write()
        return True

    def write(self) -> None:
        """Write as much as goes now; where it may not be any more, the line is of no use, and what it holds is lost."""
        if not self._pipeline.unwritten:
            return
        if not self._may_write():
            self._broken = True
            return
        try:
            self._pipeline.wrote(self._sock.send(self._pipeline.outgoing()))
        except BlockingIOError:
            return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            # TLS may have sent some of it all the same, and does not say how much.
            self._pipeline.offered()
        except OSError:
            self._broken = True

    def read(self) -> list[Verdict]:
        """Return the verdicts that came in, and write what they make room for."""
        verdicts: list[Verdict] = []
        try:
            while True:
                data = self._sock.recv(READ_OCTETS)
                if not data:
                    self._broken = True
                    break
                self._heard_at = time.monotonic()
                verdicts += self._pipeline.receive(data)
                if len(data) < READ_OCTETS and not self._decrypted():
                    break
        except _AGAIN:
            pass
        except OSError:
            self._broken = True
        for verdict in verdicts:
            self.useful = self.useful or verdict.fate is Fate.TAKEN
        if not self.finished:
            self.write()
        return verdicts

    def lost(self) -> list[Verdict]:
        """Let go of the connection; return what became of the letters on it."""
        if self.closing and not self.useful:
            self._relay.rest()
        self._relay.close()
        return self._pipeline.lost()

    def close(self, until: float) -> None:
        """Say goodbye, and wait for the relay's until then, by the monotonic clock; nothing is on its way any more."""
        if self.finished or self._pipeline.load:
            self._relay.close()
            return
        self._sock.settimeout(max(until - time.monotonic(), SHORTEST_SECONDS))
        self._relay.__exit__(None, None, None)
