"""Claims on deliveries: who may send what, and what became of it. Every function is one guarded statement.

A batch holds its claims until its lease ends, by the database's clock, and is the fence: only the batch that
claimed a delivery last may say what became of it. How far a batch may be on the wire is committed before it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.rows import args_row
from sqlalchemy import Connection, text

from newsletter.campaigns.held import Claim, Held, Outcome
from newsletter.campaigns.windows import OPEN

LEASE_SECONDS = 45
"""The default of SENDING_LEASE_SECONDS."""
BACK_OFF_MINUTES = (5, 15, 60, 240)
GIVE_UP_HOURS = 48


class Claimed(NamedTuple):
    """A batch of `number` deliveries, the last of which is `last_id`."""

    batch_id: int
    number: int
    last_id: int


_MAY_SEND = f"""
    EXISTS (SELECT FROM campaign JOIN newsletter ON newsletter.id = campaign.newsletter_id
            WHERE campaign.id = :campaign AND campaign.state = 'sending' AND {OPEN})
"""
# By the places of the locked rows, which stay where they are: to join by id the planner may read the whole table, as it
# does when it takes thousands of rows for a good part of it.
_CLAIM = text(f"""
    WITH number AS MATERIALIZED (SELECT nextval('batch_id_seq') AS batch_id),
    due AS MATERIALIZED (
        SELECT ctid AS place FROM delivery
        WHERE campaign_id = :campaign AND state = 'queued' AND id > :after
          AND {_MAY_SEND}
        ORDER BY id LIMIT :number FOR UPDATE SKIP LOCKED
    ),
    mine AS (
        UPDATE delivery SET state = 'claimed', attempt = attempt + 1, batch_id = number.batch_id, updated_at = now()
        FROM number WHERE delivery.ctid = ANY (ARRAY(SELECT place FROM due))
        RETURNING delivery.id
    ),
    opened AS (
        INSERT INTO batch (id, campaign_id, lease_until)
        SELECT batch_id, :campaign, now() + make_interval(secs => :lease) FROM number WHERE EXISTS (SELECT FROM mine)
    )
    SELECT batch_id, count(mine.id), max(mine.id) FROM number, mine GROUP BY batch_id
""")  # noqa: S608
_WAKE = text("""
    UPDATE delivery SET state = 'queued', not_before = NULL, updated_at = now()
    WHERE campaign_id = :campaign AND state = 'deferred' AND not_before <= now()
""")
_SOONEST = text(f"""
    SELECT CAST(extract(epoch FROM min(not_before) - now()) AS float) FROM delivery
    WHERE campaign_id = :campaign AND state = 'deferred' AND {_MAY_SEND}
""")  # noqa: S608
_LOCKS_END = text("SET LOCAL idle_in_transaction_session_timeout = '90s'")
# A tombstone has no address: that person has left while another batch held the row. Restricted is kept, not mailed.
_HOLD = """
    SELECT delivery.id, delivery.batch_id, delivery.attempt, recipient.id, recipient.address_sealed,
           recipient.name_sealed, recipient.link_key, recipient.measured, recipient.address_changed_at
    FROM delivery JOIN recipient ON recipient.id = delivery.recipient_id
    WHERE delivery.batch_id = %s AND delivery.state = 'claimed' AND recipient.address_sealed IS NOT NULL
      AND recipient.restricted_at IS NULL
    ORDER BY delivery.id FOR KEY SHARE OF recipient
"""
_SKIP = text("""
    UPDATE delivery SET state = 'skipped', updated_at = now()
    WHERE batch_id = :batch AND state = 'claimed' AND id <> ALL (CAST(:held AS bigint[]))
""")
# An outcome may come late, when a sweep has already called the row in doubt: it then settles the doubt.
_SETTLE = f"""
    UPDATE delivery
    SET state = CASE WHEN out.state = 'deferred' AND deferred_since < now() - interval '{GIVE_UP_HOURS} hours'
                     THEN 'failed' ELSE out.state END,
        attempt = attempt - CASE WHEN out.tried THEN 0 ELSE 1 END,
        deferred_since = CASE WHEN out.state = 'deferred' THEN coalesce(deferred_since, now()) ELSE deferred_since END,
        deferrals = deferrals + CASE WHEN out.state = 'deferred' THEN 1 ELSE 0 END,
        reply_code = out.code, reply_status = out.status, updated_at = now(),
        not_before = CASE WHEN out.state = 'deferred' THEN now() + make_interval(mins =>
            (ARRAY{list(BACK_OFF_MINUTES)})[least(deferrals + 1, {len(BACK_OFF_MINUTES)})]) END
    FROM unnest(CAST(:batches AS bigint[]), CAST(:states AS text[]), CAST(:codes AS int[]), CAST(:statuses AS text[]),
                CAST(:tried AS boolean[]), CAST(:ids AS text[])
    ) AS out(batch_id, state, code, status, tried, ids), unnest(CAST(out.ids AS bigint[])) AS each(id)
    WHERE delivery.id = each.id AND delivery.batch_id = out.batch_id AND delivery.state IN ('claimed', 'in_doubt')
"""  # noqa: S608
_TURN = text(f"""
    WITH settled AS ({_SETTLE})
    UPDATE batch SET wired_through = :through, lease_until = now() + make_interval(secs => :lease)
    WHERE id = :batch AND lease_until > now()
      AND EXISTS (SELECT FROM campaign WHERE campaign.id = batch.campaign_id AND campaign.state = 'sending')
    RETURNING id
""")  # noqa: S608
_RENEW = text("""
    UPDATE batch SET lease_until = now() + make_interval(secs => :lease)
    WHERE id = ANY (CAST(:batches AS bigint[])) AND lease_until > now()
    RETURNING id
""")
_GOES_ON = text("SELECT FROM campaign WHERE id = :campaign AND state = 'sending'")
_SETTLE_ONLY = text(_SETTLE)
_RECOVER = text("""
    WITH dead AS (DELETE FROM batch WHERE lease_until < now() RETURNING id, wired_through)
    UPDATE delivery
    SET state = CASE WHEN delivery.id <= dead.wired_through THEN 'in_doubt' ELSE 'queued' END,
        attempt = attempt - CASE WHEN delivery.id <= dead.wired_through THEN 0 ELSE 1 END, updated_at = now()
    FROM dead WHERE delivery.batch_id = dead.id AND delivery.state = 'claimed'
    RETURNING delivery.campaign_id
""")


def claim(
    connection: Connection, campaign_id: int, number: int, after: int = 0, lease: int = LEASE_SECONDS
) -> Claimed | None:
    """Claim up to `number` queued deliveries behind the id `after`; None when there is none. The caller commits."""
    row = connection.execute(
        _CLAIM, {"campaign": campaign_id, "number": number, "after": after, "lease": lease}
    ).one_or_none()
    return Claimed(*row) if row is not None else None


def wake(connection: Connection, campaign_id: int) -> int:
    """Queue the deferred deliveries whose time has come; return how many. The caller commits."""
    return connection.execute(_WAKE, {"campaign": campaign_id}).rowcount


def soonest(connection: Connection, campaign_id: int) -> float | None:
    """Return in how many seconds the next deferred delivery may go; None when there is none, or none may go."""
    seconds: float | None = connection.execute(_SOONEST, {"campaign": campaign_id}).scalar_one()
    return seconds


def hold(connection: Connection, batch_id: int) -> Held:
    """Return the claims of a batch whose recipients are still there, by id.

    Their rows can't be deleted until the transaction ends. Should this process be stopped or cut off, the database
    ends the transaction, and with it the locks.
    """
    connection.execute(_LOCKS_END)
    # The driver's own cursor, in binary: several thousand rows come at once, and twice a second.
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    cursor = driver.cursor(binary=True, row_factory=args_row(Claim)).execute(_HOLD, [batch_id])
    return Held(cursor.rowcount, cursor.fetchmany)


def skip(connection: Connection, batch_id: int, held: Sequence[Claim]) -> None:
    """Skip what a batch has claimed for people who have left. The caller commits."""
    connection.execute(_SKIP, {"batch": batch_id, "held": _array(claim.id for claim in held)})


def turn(
    connection: Connection, outcomes: Sequence[Outcome], batch_id: int, through: int, lease: int = LEASE_SECONDS
) -> bool:
    """Settle, and note that a batch goes on the wire up to the id `through`; return whether it may.

    The caller commits before sending. It may not when the campaign was paused or cancelled, or when this worker slept
    through its lease; the outcomes are settled all the same.
    """
    values = _columns(outcomes) | {"batch": batch_id, "through": through, "lease": lease}
    return connection.execute(_TURN, values).first() is not None


def renew(connection: Connection, batch_ids: Iterable[int], lease: int = LEASE_SECONDS) -> set[int]:
    """Let the leases of batches last on; return those that had not ended. The caller commits."""
    values = {"batches": _array(batch_ids), "lease": lease}
    return set(connection.execute(_RENEW, values).scalars())


def goes_on(connection: Connection, campaign_id: int) -> bool:
    """Return whether the campaign is still being sent."""
    return connection.execute(_GOES_ON, {"campaign": campaign_id}).first() is not None


def settle(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write what became of claims. The caller commits. Claims that are no longer ours stay as they are."""
    if outcomes:
        connection.execute(_SETTLE_ONLY, _columns(outcomes))


def recover(connection: Connection) -> set[int]:
    """End the leases of workers that are gone; return the campaigns concerned. The caller commits."""
    return set(connection.execute(_RECOVER).scalars())


def _columns(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return the outcomes by kind: most deliveries of a batch fare alike."""
    kinds: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for outcome in outcomes:
        claim = outcome.claim
        kinds[claim.batch_id, outcome[1:]].append(claim.id)
    hows = [(batch_id, *how) for batch_id, how in kinds]
    return {
        "batches": _array(batch_id for batch_id, *_how in hows),
        "states": _array(state.value for _batch, state, *_how in hows),
        "codes": _array(code or "NULL" for _batch, _state, code, *_how in hows),
        "statuses": _array(status or "NULL" for *_how, status, _tried in hows),
        "tried": _array(tried for *_how, tried in hows),
        "ids": _array(f'"{_array(ids)}"' for ids in kinds.values()),
    }


def _array(values: Iterable[object]) -> str:
    """Return PostgreSQL's spelling of an array of numbers, words and booleans, or of what has its quotes already."""
    return "{" + ",".join(map(str, values)) + "}"
