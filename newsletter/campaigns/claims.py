"""Claims on deliveries: who may send what, and what became of it. Every function is one guarded statement.

A claim is fenced by `attempt` and ends with its lease, both by the database's clock. `wired_at` is
committed before a mail goes on the wire: after a crash, rows without it surely did not go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from newsletter.campaigns.models import DeliveryState

LEASE_SECONDS = 75
BACK_OFF_MINUTES = (5, 15, 60, 240)
GIVE_UP_HOURS = 48


@dataclass(frozen=True)
class Claim:
    """The right to send one delivery once. `recipient_id` is None when the person has left since the snapshot."""

    id: int
    attempt: int
    recipient_id: int | None


@dataclass(frozen=True)
class Outcome:
    """What became of a claim; `retry` asks for another attempt later."""

    claim: Claim
    state: DeliveryState
    code: int | None = None
    status: str | None = None


_CLAIM = text("""
    WITH due AS (
        SELECT id FROM delivery
        WHERE campaign_id = :campaign AND state IN ('queued', 'deferred')
          AND (not_before IS NULL OR not_before <= now())
          AND EXISTS (SELECT FROM campaign WHERE campaign.id = :campaign AND campaign.state = 'sending')
        ORDER BY id LIMIT :number FOR UPDATE SKIP LOCKED
    )
    UPDATE delivery
    SET state = 'claimed', attempt = attempt + 1, wired_at = NULL, updated_at = now(),
        lease_until = now() + make_interval(secs => :lease)
    FROM due WHERE delivery.id = due.id
    RETURNING delivery.id, delivery.attempt, delivery.recipient_id
""")
_WIRE = text("""
    UPDATE delivery
    SET wired_at = now(), lease_until = now() + make_interval(secs => :lease)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS mine(id, attempt)
    WHERE delivery.id = mine.id AND delivery.attempt = mine.attempt
      AND delivery.state = 'claimed' AND delivery.lease_until > now()
      AND EXISTS (SELECT FROM campaign WHERE campaign.id = :campaign AND campaign.state = 'sending')
    RETURNING delivery.id
""")
# An outcome may come late, when a sweep has already called the row in doubt: it then settles the doubt.
_SETTLE = text("""
    UPDATE delivery
    SET state = CASE WHEN out.state = 'deferred' AND delivery.deferred_since < now() - make_interval(hours => :hours)
                     THEN 'failed' ELSE out.state END,
        deferred_since = CASE WHEN out.state = 'deferred' THEN coalesce(delivery.deferred_since, now())
                              ELSE delivery.deferred_since END,
        deferrals = delivery.deferrals + CASE WHEN out.state = 'deferred' THEN 1 ELSE 0 END,
        reply_code = out.code, reply_status = out.status, lease_until = NULL, updated_at = now(),
        wired_at = CASE WHEN out.state IN ('queued', 'deferred') THEN NULL ELSE wired_at END,
        not_before = CASE WHEN out.state = 'deferred' THEN now() + make_interval(mins =>
            (CAST(:back_off AS int[]))[least(delivery.deferrals + 1, cardinality(CAST(:back_off AS int[])))]) END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:states AS text[]),
                CAST(:codes AS int[]), CAST(:statuses AS text[])) AS out(id, attempt, state, code, status)
    WHERE delivery.id = out.id AND delivery.attempt = out.attempt
      AND delivery.state IN ('claimed', 'in_doubt')
""")
_RECOVER = text("""
    UPDATE delivery
    SET state = CASE WHEN wired_at IS NULL THEN 'queued' ELSE 'in_doubt' END, lease_until = NULL, updated_at = now()
    WHERE state = 'claimed' AND lease_until < now()
    RETURNING campaign_id
""")


def claim(connection: Connection, campaign_id: int, number: int) -> list[Claim]:
    """Claim up to `number` due deliveries of a campaign that is being sent. The caller commits."""
    rows = connection.execute(_CLAIM, {"campaign": campaign_id, "number": number, "lease": LEASE_SECONDS})
    return sorted((Claim(*row) for row in rows), key=lambda claim: claim.id)


def wire(connection: Connection, campaign_id: int, claims: Sequence[Claim]) -> set[int]:
    """Note that these mails are about to go; return the ids that may. The caller commits before sending.

    Fewer come back when the campaign was paused or cancelled, or when this worker slept through its lease.
    """
    values = {
        "ids": [claim.id for claim in claims],
        "attempts": [claim.attempt for claim in claims],
        "campaign": campaign_id,
        "lease": LEASE_SECONDS,
    }
    return set(connection.execute(_WIRE, values).scalars())


def settle(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write what became of claims. The caller commits. Claims that are no longer ours stay as they are."""
    if not outcomes:
        return
    connection.execute(
        _SETTLE,
        {
            "ids": [outcome.claim.id for outcome in outcomes],
            "attempts": [outcome.claim.attempt for outcome in outcomes],
            "states": [outcome.state.value for outcome in outcomes],
            "codes": [outcome.code for outcome in outcomes],
            "statuses": [outcome.status for outcome in outcomes],
            "back_off": list(BACK_OFF_MINUTES),
            "hours": GIVE_UP_HOURS,
        },
    )


def recover(connection: Connection) -> set[int]:
    """End the leases of workers that are gone; return the campaigns concerned. The caller commits."""
    return set(connection.execute(_RECOVER).scalars())
