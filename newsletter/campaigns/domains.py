"""Limits by receiving domain. An address is sealed, so its domain is known only when the row is held.

What is beyond a domain's allowance waits as `deferred`, as if it had never been claimed: it is no deferral that
counts, and holds up no mail to another domain.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine, text

from newsletter.campaigns import rates
from newsletter.campaigns.held import Claim, Held
from newsletter.core.sealing import Unsealable
from newsletter.mail import address

_PUT_OFF = text("""
    UPDATE delivery SET state = 'deferred', attempt = attempt - 1, updated_at = now(),
        not_before = now() + make_interval(secs => later.seconds)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:seconds AS float[])) AS later(id, seconds)
    WHERE delivery.id = later.id AND batch_id = :batch AND state = 'claimed'
""")


class Domains:
    """The limits of an installation, in mails per second by domain, for one campaign."""

    def __init__(self, campaign_id: int, limits: Mapping[str, int]) -> None:
        self._campaign_id = campaign_id
        self._limits = limits
        self._opener = address.opener()

    def admit(self, engine: Engine, held: Held) -> Held:
        """Return those of a batch that may go now; the others are put off. Commits."""
        return Held.of(self._admitted(engine, list(held))) if self._limits else held

    def _admitted(self, engine: Engine, held: list[Claim]) -> list[Claim]:
        domains = [self._domain(claim) for claim in held]
        wanted = Counter(domain for domain in domains if domain in self._limits)
        if not wanted:
            return held
        with engine.begin() as connection:
            room = rates.draw_by_domain(connection, wanted, self._limits)
        admitted, beyond = _shared_out(held, domains, room)
        with engine.begin() as connection:
            for domain, claims in beyond.items():
                self._put_off(connection, domain, claims)
        return admitted

    def _put_off(self, connection: Connection, domain: str, claims: Sequence[Claim]) -> None:
        rate = self._limits[domain]
        end = rates.book(connection, self._campaign_id, domain, len(claims), rate)
        seconds = [end - number / rate for number in reversed(range(len(claims)))]
        values = {"ids": [claim.id for claim in claims], "seconds": seconds, "batch": claims[0].batch_id}
        connection.execute(_PUT_OFF, values)

    def _domain(self, claim: Claim) -> str:
        try:
            return address.domain(self._opener.open(claim.address_sealed).decode())
        except Unsealable:  # the sender will say so
            return ""


def _shared_out(
    held: Sequence[Claim], domains: Sequence[str], room: dict[str, int]
) -> tuple[list[Claim], dict[str, list[Claim]]]:
    """Return the claims for which there is room in their domain, and those beyond it by domain."""
    admitted: list[Claim] = []
    beyond: dict[str, list[Claim]] = {}
    for claim, domain in zip(held, domains, strict=True):
        if room.get(domain) == 0:
            beyond.setdefault(domain, []).append(claim)
            continue
        admitted.append(claim)
        if domain in room:
            room[domain] -= 1
    return admitted, beyond
