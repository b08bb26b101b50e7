"""What the sections of a run share: the installation, what the command line says, newsletters filled once."""

import argparse
import sys
import time
from functools import cached_property

from bench import people
from bench.installation import Installation
from bench.people import Crowd
from bench.sample import Sample


class Bench:
    """One run. Inside an app context."""

    def __init__(self, installation: Installation, chosen: argparse.Namespace) -> None:
        self.installation = installation
        self.recipients: int = chosen.recipients
        self.connections: list[int] = chosen.connections
        self.rounds: int = chosen.rounds
        self.largest: int = chosen.largest
        self.seconds: int = chosen.seconds
        self._started = time.monotonic()
        self._crowds: dict[int, Crowd] = {}

    def say(self, text: str) -> None:
        """Tell how far it is, on standard error: the table goes to standard output."""
        print(f"{time.monotonic() - self._started:6.0f} s  {text}", file=sys.stderr, flush=True)

    def crowd(self, number: int) -> Crowd:
        """Return the newsletter with so many recipients, filled at the first time."""
        if number not in self._crowds:
            start = time.monotonic()
            self._crowds[number] = people.crowd(number)
            self.say(f"{number:,} recipients stored in {time.monotonic() - start:.0f} s")
        return self._crowds[number]

    @cached_property
    def sample(self) -> Sample:
        """A mail of the campaign."""
        sample = Sample(self.installation)
        self.say(f"a mail has {sample.octets:,} octets; {sample.places} places in it are personal")
        return sample
