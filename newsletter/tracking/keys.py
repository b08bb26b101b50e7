"""The campaigns' measurement keys, held while something is counted or taken out."""

import logging
from collections.abc import Iterable
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select

from newsletter.core.db import db
from newsletter.core.sealing import Opener, Unsealable
from newsletter.tracking.measurement import PURPOSE, Pseudonyms
from newsletter.tracking.models import MeasurementKey

log = logging.getLogger(__name__)

SAID = "locked measurement keys"
"""The place in `app.extensions` for the campaigns of which it has been logged."""


class Held(NamedTuple):
    """What the keys make that are still there, by campaign; `locked` are those that can't be opened here."""

    pseudonyms: dict[int, Pseudonyms]
    locked: set[int]


def hold(campaign_ids: Iterable[int], *, alone: bool) -> Held:
    """Hold the keys of campaigns until the transaction ends: nobody destroys them, nor holds them if we do `alone`.

    One that can't be opened holds up no other campaign: it is logged, once in a process.
    """
    rows = db.session.execute(
        select(MeasurementKey.campaign_id, MeasurementKey.key_sealed)
        .where(MeasurementKey.campaign_id.in_(list(campaign_ids)), MeasurementKey.key_sealed.is_not(None))
        .order_by(MeasurementKey.campaign_id)
        .with_for_update(read=not alone)
    ).all()
    opener, held = Opener(PURPOSE), Held({}, set())
    for campaign_id, sealed in rows:
        try:
            held.pseudonyms[campaign_id] = Pseudonyms(opener.open(sealed or b""))
        except Unsealable:
            held.locked.add(campaign_id)
    _say(held.locked)
    return held


def _say(locked: set[int]) -> None:
    said: set[int] = current_app.extensions.setdefault(SAID, set())
    if locked - said:
        log.error("the measurement keys of campaigns %s need SECRET_KEY_FALLBACKS (newsletter doctor)", sorted(locked))
        said |= locked
