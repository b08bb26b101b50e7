"""The relays of this installation: the one MAIL_SERVER names, or those of MAIL_RELAYS, by weight and with fail-over."""

import random
import time
from collections.abc import Sequence
from typing import Any

from flask import Flask, current_app
from flask_mail import Mail

from newsletter.relay_urls import RelayUrl

EXTENSION = "newsletter-relays"
REST_SECONDS = 60.0
"""How long a relay that did not take us in is left alone, as long as another does."""
mail = Mail()
Settings = Any
"""Flask-Mail's settings of one relay: server, port, username, password, use_tls, use_ssl."""


class Relays:
    """Says in which order the relays are to be tried. Each process learns for itself which of them are away."""

    def __init__(self, weighted: Sequence[tuple[Settings, int]]) -> None:
        self._weighted = weighted
        self._rested_until: dict[int, float] = {}

    @property
    def all(self) -> list[Settings]:
        """Every relay, as they are set."""
        return [settings for settings, _weight in self._weighted]

    def order(self) -> list[Settings]:
        """Return all of them, each as often before another as its weight says; those that rest come last."""
        now = time.monotonic()
        # Efraimidis and Spirakis (2006): such a power of a random number draws by weight, without replacement.
        drawn = {id(settings): random.random() ** (1 / weight) for settings, weight in self._weighted}  # noqa: S311
        return sorted(self.all, key=lambda each: (self._rested_until.get(id(each), 0.0) > now, -drawn[id(each)]))

    def rest(self, settings: Settings) -> None:
        """Try this one last for a while."""
        self._rested_until[id(settings)] = time.monotonic() + REST_SECONDS


def init_app(app: Flask) -> None:
    """Read the settings from the app."""
    named = mail.init_app(app)
    urls: Sequence[RelayUrl] = app.config["MAIL_RELAYS"]
    weighted = [(_settings(app, url), url.weight) for url in urls] or [(named, 1)]
    app.extensions[EXTENSION] = Relays(weighted)


def _settings(app: Flask, url: RelayUrl) -> Settings:
    own = {
        "MAIL_SERVER": url.host,
        "MAIL_PORT": url.port,
        "MAIL_USERNAME": url.username,
        "MAIL_PASSWORD": url.password,
        "MAIL_USE_TLS": url.use_tls,
        "MAIL_USE_SSL": url.use_ssl,
    }
    return mail.init_mail({**app.config, **own}, app.debug, app.testing)


def relays() -> Relays:
    """Return the current app's relays."""
    found: Relays = current_app.extensions[EXTENSION]
    return found
