"""From notes to numbers: checks each note against the key of its campaign and adds it to events and tallies."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import text

from newsletter.core import public_ids
from newsletter.core.db import db, utcnow
from newsletter.core.errors import NotFound
from newsletter.tracking import keys, machines, steps
from newsletter.tracking.measurement import CAMPAIGN, RECIPIENT, Pseudonyms
from newsletter.tracking.models import ANY_CLICK, MACHINE_CLICK, MACHINE_OPEN, OPEN, TRAP
from newsletter.tracking.notes import Note, parse

MOST_PER_PERSON = 50
"""How often one pseudonym counts in the total of one link. A mail program that loads the pixel with
every look, or one that someone keeps loading, does not make a campaign's figures."""
HOUR_MS = 3_600_000


class Seen(NamedTuple):
    """What is counted together: one pseudonym at one link in one hour."""

    hour: int
    campaign_id: int
    link: int
    pseudonym: int


class LeftOut(NamedTuple):
    """How many notes were invented or bent, and how many are lost because their campaign's key can't be opened."""

    invented: int
    locked: int


def count(notes: Sequence[bytes], verdicts: Mapping[str, int] | None = None) -> LeftOut:
    """Add notes to the tables in the caller's transaction; return how many were left out.

    `verdicts` as `machines.remembered` gives them. Notes of a campaign whose key is destroyed are left out and not
    called invented. The caller makes sure that nobody else counts at the same time.
    """
    per_campaign: dict[str, list[Note]] = defaultdict(list)
    for note in map(_parse, notes):
        if note is not None:
            per_campaign[note.campaign].append(note)
    ids = _campaign_ids(per_campaign)
    # Whoever destroys a key, or silences a pseudonym, waits for us.
    held = keys.hold(ids.values(), alone=False)
    bent = len(notes) - sum(len(per_campaign[word]) for word in ids)
    seen: Counter[Seen] = Counter()
    for word, campaign_id in ids.items():
        if campaign_id in held.pseudonyms:
            bent += _add(seen, campaign_id, held.pseudonyms[campaign_id], per_campaign[word], verdicts or {})
    _write(seen)
    return LeftOut(bent, sum(len(per_campaign[word]) for word in ids if ids[word] in held.locked))


def _parse(record: bytes) -> Note | None:
    note = parse(record)
    now = utcnow().timestamp() * 1000
    return note if note and 0 <= note.link <= TRAP and 0 < note.at_ms <= now + HOUR_MS else None


def _campaign_ids(words: Iterable[str]) -> dict[str, int]:
    ids = {}
    for word in words:
        try:
            number = public_ids.read(CAMPAIGN, word)
        except NotFound:
            continue
        if number < 2**31:
            ids[word] = number
    return ids


def _add(
    seen: Counter[Seen], campaign_id: int, pseudonyms: Pseudonyms, notes: list[Note], verdicts: Mapping[str, int]
) -> int:
    known: dict[str, int | None] = {}
    invented = 0
    for note in notes:
        if note.recipient not in known:
            known[note.recipient] = _pseudonym(pseudonyms, note.recipient)
        pseudonym = known[note.recipient]
        if pseudonym is None:
            invented += 1
            continue
        for link in _places(note, verdicts):
            seen[Seen(note.at_ms // HOUR_MS, campaign_id, link, pseudonym)] += 1
    return invented


def _places(note: Note, verdicts: Mapping[str, int]) -> tuple[int, ...]:
    """Return the link numbers under which the note counts."""
    if machines.is_one(note, verdicts):
        return (MACHINE_OPEN if note.link == OPEN else MACHINE_CLICK,)
    return (OPEN,) if note.link == OPEN else (note.link, ANY_CLICK)


def _pseudonym(pseudonyms: Pseudonyms, word: str) -> int | None:
    try:
        return pseudonyms.recognise(public_ids.read(RECIPIENT, word))
    except NotFound:
        return None


# One statement reads what is known of each pseudonym, writes the events, and tallies exactly what it wrote: at the
# hour of the first time, so that what is known of a pseudonym can be taken out again.
_COUNT = text("""
    WITH noted AS (
        SELECT * FROM unnest(
            CAST(:campaigns AS integer[]), CAST(:links AS integer[]),
            CAST(:pseudonyms AS bigint[]), CAST(:numbers AS integer[])
        ) AS noted (campaign_id, link, pseudonym, number)
    ), counted AS (
        SELECT campaign_id, link, pseudonym, event.total IS NULL AS is_new,
               COALESCE(event.first_hour, :hour) AS hour,
               LEAST(noted.number, :most - COALESCE(event.total, 0)) AS number
        FROM noted LEFT JOIN event USING (campaign_id, link, pseudonym)
        WHERE NOT EXISTS (
            SELECT FROM silenced
            WHERE silenced.campaign_id = noted.campaign_id AND silenced.pseudonym = noted.pseudonym
        )
    ), written AS (
        INSERT INTO event (campaign_id, link, pseudonym, first_hour, total)
        SELECT campaign_id, link, pseudonym, hour, number FROM counted WHERE number > 0
        ON CONFLICT (campaign_id, link, pseudonym) DO UPDATE SET total = event.total + excluded.total
    )
    INSERT INTO tally (campaign_id, link, hour, "unique", total)
    SELECT campaign_id, link, hour, count(*) FILTER (WHERE is_new), sum(number)
    FROM counted WHERE number > 0 GROUP BY campaign_id, link, hour
    ON CONFLICT (campaign_id, link, hour)
    DO UPDATE SET "unique" = tally."unique" + excluded."unique", total = tally.total + excluded.total
""")


def _write(seen: Counter[Seen]) -> None:
    """Write hour by hour, so that what waited for half a day still stands in the hours it happened in."""
    for hour in sorted({key.hour for key in seen}):
        noted = [key for key in seen if key.hour == hour]
        db.session.execute(
            _COUNT,
            {
                "hour": datetime.fromtimestamp(hour * 3600, UTC),
                "most": MOST_PER_PERSON,
                "campaigns": [key.campaign_id for key in noted],
                "links": [key.link for key in noted],
                "pseudonyms": [key.pseudonym for key in noted],
                "numbers": [seen[key] for key in noted],
            },
        )
    steps.take({key.campaign_id for key in seen})
