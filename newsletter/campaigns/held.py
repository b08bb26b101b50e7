"""What a sender has in hand: claims whose recipients are held, and what becomes of each."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from newsletter.campaigns.models import DeliveryState


class Claim(NamedTuple):
    """The right to send one delivery once, and what its mail is made of: the recipient's row, sealed."""

    id: int
    batch_id: int
    attempt: int
    recipient_id: int
    address_sealed: bytes
    name_sealed: bytes | None
    link_key: bytes
    measured: bool
    address_changed_at: datetime | None = None


class Held:
    """Claims whose recipients are held, by id. Each is made of its row when it is taken, by whoever takes it.

    Thousands of rows come at once. Made into claims by a thread beside the sender's, they would keep the sender waiting
    for the interpreter, and the relay for its mail.
    """

    def __init__(self, number: int, take: Callable[[int], list[Claim]]) -> None:
        self._left, self._take = number, take

    @classmethod
    def of(cls, claims: Sequence[Claim]) -> "Held":
        """Return these claims."""
        rest = iter(claims)
        return cls(len(claims), lambda number: list(islice(rest, number)))

    def __len__(self) -> int:
        """Return how many have not been taken yet."""
        return self._left

    def __iter__(self) -> Iterator[Claim]:
        """Take all."""
        return iter(self.take(self._left))

    def take(self, number: int) -> list[Claim]:
        """Take the next ones; fewer when there are no more."""
        claims = self._take(number)
        self._left -= len(claims)
        return claims


class Outcome(NamedTuple):
    """What became of a claim. `deferred` asks for another attempt later, `queued` for one now.

    What was given back before the relay heard of it, or without regard to it, was not `tried`: it counts as no attempt.
    """

    claim: Claim
    state: DeliveryState
    code: int | None = None
    status: str | None = None
    tried: bool = True
