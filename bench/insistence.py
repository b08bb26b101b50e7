"""How many mails one address gets from ten thousand sign-ups, by form and API, from as many networks, all at once.

The limits that would turn some of them away beforehand are out of reach: what is left is what the worker decides. The
address comes in several spellings that reach one mailbox.
"""

import http.client
import ipaddress
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from sqlalchemy import delete, func, select

from bench import people
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from bench.relays import late_sink
from newsletter.core.db import db
from newsletter.mail.models import OutboxMail

SIGN_UPS, AT_ONCE = 10_000, 16
SPELLINGS = ("kim@example.org", "kim@Example.ORG", "kim@EXAMPLE.org", " kim@example.org ")
OPEN = {"TRUSTED_PROXIES": "1", "SIGNUPS_PER_MINUTE": "1000000", "SIGNUPS_PRESSURE": "1000000"}
"""Settings with which every sign-up is taken, whoever sends it from whatever network."""
PATIENCE_SECONDS = 600


def measure(bench: Bench) -> list[Figure]:
    """Measure this section: ten thousand sign-ups of one address."""
    slug = people.newsletter("insistence").slug
    _empty()
    with (
        late_sink() as relay,
        bench.installation.worker(relay.port, 1),
        bench.installation.web(**OPEN) as web,
    ):
        answers = insist(web.port, slug, SIGN_UPS)
        bench.say(f"{answers.total():,} sign-ups: {dict(answers)}")
        _wait()
    taken = relay.taken
    assert taken is not None
    return [
        Figure("sign-ups of one address that were taken", sum(answers[each] for each in (200, 202)), goal=SIGN_UPS),
        Figure("mails to it", taken.mails, goal=1, at_most=True),
    ]


def insist(port: int, slug: str, number: int) -> Counter[int]:
    """Sign up one address so often, by form and API in mixed order, each from a network of its own; count statuses."""
    order = random.Random(1)  # noqa: S311  # the same at every run; nothing secret
    turns = [(order.random() < 0.5, order.choice(SPELLINGS), _network(each)) for each in range(number)]
    order.shuffle(turns)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        counted = threads.map(lambda part: _send(port, slug, part), (turns[n::AT_ONCE] for n in range(AT_ONCE)))
        return sum(counted, Counter[int]())


def _network(number: int) -> str:
    """Return an address of the network with this number: every other one of IPv6."""
    if number % 2:
        return str(ipaddress.IPv6Address((0x2001_0DB8_0000 + number) << 80 | 1))
    return str(ipaddress.IPv4Address((10 << 24) + (number << 8) + 7))


def _send(port: int, slug: str, turns: Sequence[tuple[bool, str, str]]) -> Counter[int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    counted = Counter[int]()
    for by_form, email, network in turns:
        kind, path = ("x-www-form-urlencoded", f"/n/{slug}") if by_form else ("json", _api(slug))
        body = urlencode({"email": email}) if by_form else json.dumps({"email": email})
        connection.request("POST", path, body, {"Content-Type": f"application/{kind}", "X-Forwarded-For": network})
        answer = connection.getresponse()
        answer.read()
        counted[answer.status] += 1
    connection.close()
    return counted


def _api(slug: str) -> str:
    return f"/api/v1/newsletters/{slug}/signups"


def _empty() -> None:
    """Forget what sections before left waiting: it would be sent now, and counted as mails to the one address."""
    db.session.execute(delete(OutboxMail))
    db.session.commit()
    db.session.remove()


def _wait() -> None:
    """Wait until no mail waits any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while db.session.execute(select(func.count()).select_from(OutboxMail)).scalar_one():
        db.session.rollback()
        assert time.monotonic() < deadline, "mail still waits"
        time.sleep(0.5)
    db.session.rollback()


if __name__ == "__main__":
    run({"insistence": measure})
