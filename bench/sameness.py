"""Whether the sign-up form's answer gives away what is known of an address: new, pending, subscribed, or left alone.

Sends the form for addresses of all four kinds in shuffled turns over one connection, and compares status, headers,
bytes and time: for each kind how likely its answer is to take longer than that for a new address (the area under the
ROC curve). 0.5 tells nothing.
"""

import http.client
import random
import time
from bisect import bisect_left, bisect_right

from bench import people
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from newsletter.core.db import db
from newsletter.optin import restraint
from newsletter.recipients.person import Person

EACH = 1_000
KINDS = ("new", "pending", "subscribed", "unwanted")
MOST = 0.55
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def measure(bench: Bench) -> list[Figure]:
    """Measure this section: a thousand sign-ups of each kind."""
    slug = _prepare()
    turns = [(kind, number) for kind in KINDS for number in range(EACH)]
    random.Random(1).shuffle(turns)  # noqa: S311  # the same at every run; nothing secret
    answers: set[tuple[object, ...]] = set()
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with bench.installation.web() as web:
        connection = http.client.HTTPConnection("127.0.0.1", web.port)
        for number in range(EACH):  # a sign-up of before; the first ones are slow, too
            _post(connection, slug, _address("pending", number))
        for kind, number in turns:
            answer, taken = _post(connection, slug, _address(kind, number))
            answers.add(answer)
            seconds[kind].append(taken)
    bench.say(f"{len(turns):,} sign-ups: {len(answers)} kind of answer")
    return [Figure("kinds of answers to sign-ups", len(answers), goal=1, at_most=True), *_figures(seconds)]


def _figures(seconds: dict[str, list[float]]) -> list[Figure]:
    new = sorted(seconds["new"])
    found = {kind: _auc(new, times) for kind, times in seconds.items() if kind != "new"}
    return [
        Figure(f"AUC of times, {kind} against new", max(auc, 1 - auc), goal=MOST, at_most=True)
        for kind, auc in found.items()
    ]


def _auc(of: list[float], times: list[float]) -> float:
    """Return how often one of `times` is longer than one of `of` (sorted); half for equal ones.

    >>> _auc([1, 2], [3, 4]), _auc([1, 2], [1, 2]), _auc([3, 4], [1])
    (1.0, 0.5, 0.0)
    """
    longer = sum(bisect_left(of, each) + bisect_right(of, each) for each in times) / 2
    return longer / (len(of) * len(times))


def _prepare() -> str:
    made = people.newsletter("sameness")
    people.fill(made, ((_address("subscribed", number), Person()) for number in range(EACH)))
    for number in range(EACH):
        restraint.refuse(restraint.not_me_token(_address("unwanted", number)))
    db.session.remove()
    return "sameness"


def _address(kind: str, number: int) -> str:
    """Return an address; all are of one length."""
    return f"{KINDS.index(kind)}-{number:06}@example.org"


def _post(connection: http.client.HTTPConnection, slug: str, email: str) -> tuple[tuple[object, ...], float]:
    start = time.perf_counter()
    connection.request("POST", f"/n/{slug}", f"email={email.replace('@', '%40')}", FORM)
    answer = connection.getresponse()
    body = answer.read()
    taken = time.perf_counter() - start
    headers = sorted((name.lower(), value) for name, value in answer.getheaders() if name.lower() != "date")
    return (answer.status, tuple(headers), body), taken


if __name__ == "__main__":
    run({"sameness": measure})
