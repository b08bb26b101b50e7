"""Where the links of a campaign lead, remembered per process: a click of a known campaign asks no database.

When a campaign's mails arrive, many click at once. The first of them asks, and the others wait for what it learns: if
all asked, everybody would wait for all of them.
"""

import time
from concurrent.futures import Future
from threading import Lock
from typing import NamedTuple
from urllib.parse import urlsplit

import idna
from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.urls import iri_to_uri

from newsletter.core import public_ids
from newsletter.core.db import db
from newsletter.core.errors import NotFound
from newsletter.tracking.measurement import CAMPAIGN
from newsletter.tracking.models import TRAP, Link, MeasurementKey

KNOWN_SECONDS, UNKNOWN_SECONDS = 300.0, 10.0
MOST_CAMPAIGNS = 1000


class Targets(NamedTuple):
    """A campaign's links by number as the URL spells it, and until when its opens and clicks are counted."""

    urls: dict[str, str]
    ends_at: float
    fresh_until: float


class TargetCache:
    """Bounded memory of `Targets` by the campaign's word. What it forgets first is what it learnt first."""

    def __init__(self) -> None:
        self._targets: dict[str, Targets] = {}
        self._asked: dict[str, Future[Targets]] = {}
        self._lock = Lock()

    def get(self, word: str) -> Targets | None:
        """Return what is known and still fresh; no database, no lock."""
        targets = self._targets.get(word)
        return targets if targets is not None and time.time() < targets.fresh_until else None

    def load(self, word: str) -> Targets:
        """Return what is known or else in the database; raise `NotFound` for a word that `spell` never wrote.

        While the database is away, what was known before goes on leading people where they want to go.
        """
        targets = self.get(word)
        if targets is not None:
            return targets
        answer: Future[Targets] = Future()
        with self._lock:
            asked = self._asked.setdefault(word, answer)
        if asked is answer:
            try:
                answer.set_result(self._ask(word))
            except BaseException as error:  # noqa: BLE001  # raised below, and nobody waits for ever
                answer.set_exception(error)
            finally:
                del self._asked[word]
        return asked.result()

    def _ask(self, word: str) -> Targets:
        campaign_id = public_ids.read(CAMPAIGN, word)
        if campaign_id >= 2**31:  # no row can have it, and PostgreSQL would call the question an error
            raise NotFound("There is nothing with this id.")
        try:
            targets = _read(campaign_id)
        except (OperationalError, InterfaceError, PoolTimeout):
            if word not in self._targets:
                raise
            db.session.rollback()
            return self._targets[word]
        self._keep(word, targets)
        return targets

    def _keep(self, word: str, targets: Targets) -> None:
        with self._lock:
            self._targets.pop(word, None)
            while len(self._targets) >= MOST_CAMPAIGNS:
                del self._targets[next(iter(self._targets))]
            self._targets[word] = targets


def _read(campaign_id: int) -> Targets:
    links = db.session.execute(select(Link.number, Link.url).where(Link.campaign_id == campaign_id)).all()
    ends_at = db.session.execute(
        select(MeasurementKey.ends_at).where(
            MeasurementKey.campaign_id == campaign_id, MeasurementKey.key_sealed.is_not(None)
        )
    ).scalar_one_or_none()
    known = bool(links or ends_at)
    urls = {str(number): as_header(url) for number, url in links}
    if known:
        urls[str(TRAP)] = current_app.config["PUBLIC_URL"]  # whoever gets there shall not stand before an error
    return Targets(
        urls=urls,
        ends_at=ends_at.timestamp() if ends_at else 0.0,
        fresh_until=time.time() + (KNOWN_SECONDS if known else UNKNOWN_SECONDS),
    )


def as_header(url: str) -> str:
    """Return `url` in ASCII on one line, for `Location` (RFC 9110 §10.2.2). The host goes by IDNA 2008.

    >>> as_header("https://straße.example/zähler?für=sie")
    'https://xn--strae-oqa.example/z%C3%A4hler?f%C3%BCr=sie'
    """
    parts = urlsplit(url)
    host = parts.netloc
    if not host.isascii():  # or else iri_to_uri would go by IDNA 2003, for which straße is strasse
        name, colon, port = host.rpartition("@")[2].partition(":")
        host = idna.encode(name, uts46=True).decode() + colon + port
    return iri_to_uri(parts._replace(netloc=host).geturl())
