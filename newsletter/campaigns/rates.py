"""Mails per second: allowances that all workers draw from, refilled by the database's clock.

A limit is a row of tokens. It fills at the limit's rate, up to one second's worth; each mail takes one. What a
worker has drawn and not used is lost, which is little: it draws a quarter to half a second's worth at a time.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, text

from newsletter.campaigns.models import Allowance
from newsletter.core.db import db

MOST_SECONDS, LEAST_SECONDS = 0.5, 0.25
"""A worker draws as many mails as may go in this time: less would be a claim for each mail, more would be bursts."""
FORGOTTEN_AFTER = timedelta(hours=1)

# A new row holds its first second's worth. The rows are locked, in the order of their names, until the commit.
_REFILL = text("""
    WITH asked AS MATERIALIZED (
        SELECT 'installation' AS name, CAST(:rate AS float) AS rate WHERE :rate > 0
        UNION ALL
        SELECT 'newsletter ' || newsletter.id, mails_per_second
        FROM newsletter JOIN campaign ON campaign.newsletter_id = newsletter.id
        WHERE campaign.id = :campaign AND mails_per_second IS NOT NULL
        UNION ALL
        SELECT * FROM unnest(CAST(:domains AS text[]), CAST(:rates AS float[]))
    ),
    filled AS (
        INSERT INTO allowance AS have (name, tokens, refilled_at)
        SELECT name, rate, clock_timestamp() FROM asked ORDER BY name
        ON CONFLICT (name) DO UPDATE SET
            tokens = least(excluded.tokens, have.tokens + excluded.tokens
                * greatest(extract(epoch FROM excluded.refilled_at - have.refilled_at), 0)),
            refilled_at = greatest(excluded.refilled_at, have.refilled_at)
        RETURNING name, tokens
    )
    SELECT name, tokens, rate FROM filled JOIN asked USING (name)
""")
_DRAW = text("""
    UPDATE allowance SET tokens = tokens - drawn.number
    FROM unnest(CAST(:names AS text[]), CAST(:numbers AS float[])) AS drawn(name, number)
    WHERE allowance.name = drawn.name
""")
_BOOK = text("""
    INSERT INTO allowance AS have (name, tokens, refilled_at)
    VALUES (:name, 0, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET
        refilled_at = greatest(have.refilled_at, clock_timestamp()) + make_interval(secs => :seconds)
    RETURNING CAST(extract(epoch FROM refilled_at - clock_timestamp()) AS float)
""")


class Limits(NamedTuple):
    """An installation's limits in mails per second: all together (0: none), and by receiving domain."""

    together: int = 0
    by_domain: Mapping[str, int] = MappingProxyType({})


UNLIMITED = Limits()


class Drawn(NamedTuple):
    """How many mails may go now; when it is none, in how many seconds to ask again."""

    number: int
    seconds: float


class _Filled(NamedTuple):
    name: str
    tokens: float
    rate: float


def draw(connection: Connection, campaign_id: int, wanted: int, together: int) -> Drawn:
    """Draw up to `wanted` mails of a campaign from its newsletter's limit and from the installation's, `together`.

    The caller commits, and soon: other workers wait for it.
    """
    filled = _refill(connection, campaign_id, together, {})
    if not filled:
        return Drawn(wanted, 0)
    slowest = min(limit.rate for limit in filled)
    wanted = min(wanted, max(1, int(slowest * MOST_SECONDS)))
    least = min(wanted, max(1, int(slowest * LEAST_SECONDS)))
    if any(limit.tokens < least for limit in filled):
        return Drawn(0, max((least - limit.tokens) / limit.rate for limit in filled))
    number = min(wanted, *(int(limit.tokens) for limit in filled))
    _take(connection, {limit.name: number for limit in filled})
    return Drawn(number, 0)


def draw_by_domain(connection: Connection, wanted: Mapping[str, int], rates: Mapping[str, int]) -> dict[str, int]:
    """Draw up to as many mails to each domain as are `wanted`; return how many may go. The caller commits."""
    filled = _refill(connection, 0, 0, {domain: rates[domain] for domain in wanted})
    drawn = {limit.name: min(wanted[limit.name], int(limit.tokens)) for limit in filled}
    _take(connection, drawn)
    return drawn


def book(connection: Connection, campaign_id: int, domain: str, number: int, rate: int) -> float:
    """Book the time that `number` more mails to a domain will take; return in how many seconds it ends.

    So that a campaign's mails that wait for their domain come back one after the other, and not all at once.
    """
    values = {"name": f"{domain} of {campaign_id}", "seconds": number / rate}
    return float(connection.execute(_BOOK, values).scalar_one())


def forget_idle() -> None:
    """Delete the allowances that nobody draws from: an idle one is full, and a row says nothing. Commits."""
    db.session.execute(delete(Allowance).where(Allowance.refilled_at < func.now() - FORGOTTEN_AFTER))
    db.session.commit()


def _refill(connection: Connection, campaign_id: int, together: int, domains: Mapping[str, int]) -> list[_Filled]:
    values = {
        "campaign": campaign_id,
        "rate": together,
        "domains": list(domains),
        "rates": [float(rate) for rate in domains.values()],
    }
    return [_Filled(*row) for row in connection.execute(_REFILL, values)]


def _take(connection: Connection, numbers: Mapping[str, int]) -> None:
    values = {"names": list(numbers), "numbers": [float(number) for number in numbers.values()]}
    connection.execute(_DRAW, values)
