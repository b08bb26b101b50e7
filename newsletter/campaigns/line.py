"""The line to the relay during a slice: opened when it is needed, and opened again when it broke."""

from types import TracebackType
from typing import Self

from newsletter.campaigns.mails import Mail
from newsletter.mail.transport import InDoubt, Relay, RelayAway, Reply, relay


class Line:
    """A context manager around one connection at a time."""

    def __init__(self) -> None:
        self._relay: Relay | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._relay is not None:
            self._relay.__exit__(exc_type, exc_value, tb)

    def open(self) -> None:
        """Connect unless connected; raise `RelayAway`."""
        if self._relay is None:
            self._relay = relay().__enter__()

    def deliver(self, mail: Mail) -> Reply:
        """Hand over one mail; raise as `Relay.deliver` does. A broken connection is let go."""
        self.open()
        if self._relay is None:
            raise RelayAway
        try:
            return self._relay.deliver(envelope_from=mail.envelope_from, to=mail.to, message=mail.message)
        except (RelayAway, InDoubt):
            self._relay.close()
            self._relay = None
            raise
