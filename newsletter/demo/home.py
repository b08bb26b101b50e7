"""The directory in which the demonstration keeps its data: who uses it, its secret, its ports."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.demo.services import ServiceError, bind

NEIGHBOURS = 10
"""How many ports are tried before any will do: 8001 is easier to type than 45683."""


class Home:
    """A directory, by default `var/` in the checkout."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the directory for this process; raise `ServiceError` while another one has it."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ServiceError(
                    f"Another demonstration is running on {self.path}. End that one first, or start this one from "
                    "another copy of the repository, or with NEWSLETTER_HOME set to another directory."
                ) from None
            yield

    def secret_key(self) -> str:
        """Return the installation's secret, made at the first start."""
        path = self.path / "secret_key"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text().strip()

    def port(self, name: str, preferred: int) -> socket.socket:
        """Return a socket bound to the port that served `name` the last time, or `preferred`, or any free one.

        The links in mails that were caught earlier go on working that way. The socket keeps others away from
        the port; it does not listen yet.
        """
        path = self.path / f"{name}.port"
        remembered = int(path.read_text()) if path.exists() else preferred
        bound = bind(remembered, *range(preferred, preferred + NEIGHBOURS), 0)
        path.write_text(str(bound.getsockname()[1]))
        return bound
