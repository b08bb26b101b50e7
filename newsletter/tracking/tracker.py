"""What happens at an open and at a click, whoever speaks HTTP in front of it."""

import re
import time
from collections.abc import Mapping
from typing import Any

from flask import current_app

from newsletter.core.errors import NotFound
from newsletter.tracking import programs
from newsletter.tracking.notes import Notes
from newsletter.tracking.targets import TargetCache, Targets

EXTENSION = "newsletter-tracking"
Environ = Mapping[str, Any]
_words = re.compile("([0-9A-Za-z]{1,64})-([0-9A-Za-z]{1,64})").fullmatch
"""Takes a measurement id apart: the campaign's word and the recipient's, as far as any id looks like that."""
_PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


class Tracker:
    """Notes opens and clicks, and knows where links lead."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self._targets = TargetCache()

    def opened(self, environ: Environ, measurement_id: str) -> None:
        """Note an open, if this looks like one. Asks nobody: what is invented is sorted out by the drain."""
        if words := _words(measurement_id):
            campaign, recipient = words.groups()
            self._note(environ, campaign, "0", recipient, self._targets.get(campaign))

    def remembered(self, environ: Environ, measurement_id: str, number: str) -> str | None:
        """Note a click and return where link `number` leads; None when this process does not know it."""
        words = _words(measurement_id)
        if words is None:
            return None
        campaign, recipient = words.groups()
        targets = self._targets.get(campaign)
        target = targets.urls.get(number) if targets else None
        if target is not None:
            self._note(environ, campaign, number, recipient, targets)
        return target

    def follow(self, environ: Environ, measurement_id: str, number: str) -> str:
        """Do the same, and ask the database where need be; raise `NotFound`."""
        targets = self._targets.load(measurement_id.partition("-")[0])
        if number not in targets.urls:
            raise NotFound("There is no such link.")
        if words := _words(measurement_id):
            campaign, recipient = words.groups()
            self._note(environ, campaign, number, recipient, targets)
        return targets.urls[number]

    def _note(self, environ: Environ, campaign: str, number: str, recipient: str, targets: Targets | None) -> None:
        ended = targets is not None and time.time() >= targets.ends_at
        if not ended and _by_a_person(environ):
            by_itself = programs.looks_by_itself(environ.get("HTTP_USER_AGENT", ""))
            self.notes.note(campaign, number, recipient, by_itself=by_itself)


def _by_a_person(environ: Environ) -> bool:
    """HEAD and what announces itself as a prefetch (Fetch Standard §2.2.7 and its forerunners) never count."""
    return environ["REQUEST_METHOD"] == "GET" and not any(map(environ.get, _PURPOSES))


def tracker() -> Tracker:
    """Return the current app's tracker."""
    found: Tracker = current_app.extensions[EXTENSION]
    return found
