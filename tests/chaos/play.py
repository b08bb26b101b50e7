"""A campaign to be sent under fire: who is to get it, how its rows stand, and what came of it in the end."""

import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import insert, select

from newsletter.campaigns import service
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState, Delivery
from newsletter.core.db import db
from newsletter.mail import address
from newsletter.recipients.links import unsubscribe_url
from newsletter.recipients.models import Recipient
from tests.chaos.seen import RelayProcess
from tests.chaos.stage import Stage
from tests.factories import make_campaign, make_newsletter

UNFINISHED = ("queued", "claimed", "deferred")
SLOWEST = 5.0
START_SECONDS = 60.0
_numbers = itertools.count(1)


@contextmanager
def reading() -> Iterator[None]:
    """Leave no transaction open: the database may go away at any time."""
    try:
        yield
    finally:
        db.session.remove()


@dataclass
class Play:
    """A campaign that is being sent."""

    campaign_id: int
    public_id: str
    domain: str
    addresses: dict[int, str]
    """By delivery."""
    links: dict[str, str]
    """The link to leave, by address."""
    broken: list[str] = field(default_factory=list)
    """Promises that were seen broken, in words."""

    @property
    def audience(self) -> int:
        """How many are to get it."""
        return len(self.addresses)

    def counts(self) -> dict[str, int]:
        """Return how the rows stand now."""
        with reading():
            return counts(self.campaign_id)

    def states(self) -> dict[str, str]:
        """Return each row's state, by address."""
        query = select(Delivery.id, Delivery.state).where(Delivery.campaign_id == self.campaign_id)
        with reading():
            return {self.addresses[number]: str(state) for number, state in db.session.execute(query)}

    def unfinished(self) -> int:
        """Return how many rows have no fate yet."""
        found = self.counts()
        return sum(found[name] for name in UNFINISHED)

    def wait_for_the_first(self, relay: RelayProcess) -> None:
        """Return when the first mails have been taken."""
        deadline = time.monotonic() + START_SECONDS
        while not any(relay.seen().taken[email] for email in self.links):
            assert time.monotonic() < deadline, f"no mail came within {START_SECONDS:.0f} s"
            time.sleep(0.2)

    def pace(self, stage: Stage, seconds: float) -> None:
        """Have the relay take mails as slowly as lets the rest of the campaign last for so long."""
        stage.relay.pace(max(SLOWEST, self.unfinished() / max(seconds, 1.0)))

    def check(self, holds: bool, otherwise: str) -> None:
        """Note a broken promise, unless it `holds`."""
        if not holds and otherwise not in self.broken:
            self.broken.append(otherwise)

    def finish(self, seconds: float, help_out: Callable[[], None] | None = None) -> None:
        """Wait until every row has its fate and the campaign is over; `help_out` twice a second, if given."""
        deadline = time.monotonic() + seconds
        while not self._is_over() and time.monotonic() < deadline:
            if help_out is not None:
                help_out()
            time.sleep(0.5)
        self.check(self._is_over(), f"not over {seconds:.0f} s later: {_without_zeros(self.counts())}")

    def _is_over(self) -> bool:
        query = select(Campaign.state).where(Campaign.id == self.campaign_id)
        with reading():
            state = db.session.execute(query).scalar_one()
        return state == CampaignState.SENT and not self.unfinished()


def _without_zeros(found: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in found.items() if number}


def begin(audience: int, domain: str = "chaos", **values: str) -> Play:
    """Make a newsletter with so many recipients at a domain of its own, and send a campaign with `values`."""
    domain = f"{domain}-{next(_numbers)}.example"
    newsletter = make_newsletter()
    people = [(f"person-{number}@{domain}", secrets.token_bytes(16)) for number in range(audience)]
    db.session.execute(insert(Recipient), [_row(newsletter.id, email, key) for email, key in people])
    campaign = service.send(make_campaign(newsletter, **values))
    rows = db.session.execute(
        select(Delivery.id, Recipient.link_key)
        .join(Recipient, Recipient.id == Delivery.recipient_id)
        .where(Delivery.campaign_id == campaign.id)
    )
    by_key = {key: email for email, key in people}
    addresses = {number: by_key[key] for number, key in rows}
    links = {email: unsubscribe_url(key, campaign.id) for email, key in people}
    play = Play(campaign.id, service.public_id(campaign), domain, addresses, links)
    db.session.remove()
    play.check(len(addresses) == audience, f"{len(addresses)} rows for {audience} recipients")
    return play


def _row(newsletter_id: int, email: str, link_key: bytes) -> dict[str, object]:
    return {
        "newsletter_id": newsletter_id,
        "address_sealed": address.seal(email),
        "address_digest": address.digest(email),
        "link_key": link_key,
        "language": "de",
        "measured": True,
    }


@dataclass(frozen=True)
class Account:
    """Rows and relay side by side. Each number counts recipients."""

    states: Counter[str]
    doubted_taken: int
    """In doubt, and the relay has it."""
    doubted_unbegun: int
    """In doubt, and the relay has not even heard of it."""


def account(relay: RelayProcess, play: Play, *, left: frozenset[str] = frozenset()) -> Account:
    """Hold the rows against what the relay has seen; note in `play` who was lost, and who was mailed twice."""
    seen, states = relay.seen(), play.states()
    taken = {email: len(seen.taken[email]) for email in states}
    twice = [email for email, number in taken.items() if number > 1]
    unsent = [email for email, state in states.items() if state == "sent" and not taken[email]]
    denied = [email for email, state in states.items() if taken[email] and state not in ("sent", "in_doubt")]
    lost = [
        email
        for email, state in states.items()
        if state not in ("sent", "in_doubt") and not (state == "skipped" and email in left)
    ]
    play.check(len(states) == play.audience, f"{len(states)} rows of {play.audience} are left")
    play.check(not twice, f"{len(twice)} mailed twice")
    play.check(not unsent, f"{len(unsent)} are said to be sent, and were not")
    play.check(not denied, f"{len(denied)} were sent, and are said not to be")
    play.check(not lost, f"{len(lost)} lost: {dict(Counter(states[email] for email in lost))}")
    doubted = [email for email, state in states.items() if state == "in_doubt"]
    return Account(
        Counter(states.values()),
        sum(taken[email] > 0 for email in doubted),
        sum(not seen.begun[email] for email in doubted),
    )
