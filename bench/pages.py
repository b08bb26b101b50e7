"""Every page and call that reads, at a million recipients and two hundred campaigns: none may take long.

Asked for within this process, one after the other: what is measured is the work of one request, its queries included.
"""

import contextvars
import re
import secrets
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from bench import archive, product
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from bench.people import Crowd
from newsletter.campaigns import service
from newsletter.campaigns.models import Campaign
from newsletter.core.db import db
from newsletter.recipients import links
from newsletter.recipients.models import Recipient
from newsletter.staff import accounts, tokens
from newsletter.staff.models import RoleName

TIMES = 15
GOAL_MS = 300.0
SNAPSHOT_MS = 30_000.0
"""A platform's router gives up after so long."""
LEAVING = 30
FOUND = 302
_CSRF = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


PAGES = (
    "/staff/", "/staff/newsletters/", "/staff/newsletters/{slug}", "/staff/campaigns",
    "/staff/campaigns?newsletter={slug}&state=sent&before={large}", "/staff/campaigns/new", "/staff/campaigns/{large}",
    "/staff/campaigns/{large}/progress", "/staff/campaigns/{large}/preview", "/staff/campaigns/{large}/resend",
    "/staff/campaigns/{draft}", "/staff/campaigns/{draft}/edit", "/staff/campaigns/{draft}/send",
    "/staff/campaigns/{draft}/cancel", "/staff/campaigns/{draft}/delete", "/staff/admin/accounts",
    "/staff/admin/tokens", "/staff/admin/audit", "/staff/admin/audit?before=1000",
    "/", "/n/{slug}", "/u/{unsubscribe}", "/me/{preferences}", "/privacy",
)  # fmt: skip
CALLS = (
    "/api/v1/newsletters", "/api/v1/newsletters/{slug}", "/api/v1/campaigns",
    "/api/v1/campaigns?newsletter={slug}&limit=50", "/api/v1/campaigns/{large}", "/api/v1/campaigns/{large}/report",
)  # fmt: skip


def measure(bench: Bench) -> list[Figure]:
    """Measure this section."""
    crowd = bench.crowd(bench.largest)
    large = archive.fill(crowd)[-1]
    bench.say(f"{archive.CAMPAIGNS} campaigns stored")
    words = _words(crowd, large)
    client, api = _signed_in(bench), {"Authorization": f"Bearer {tokens.create(secrets.token_hex(4))}"}
    reading = [Reading(client, path, words, {}) for path in PAGES]
    reading += [Reading(client, path, words, api) for path in CALLS]
    return [
        Figure("the worst single answer of all that reads", max(each.worst for each in reading), "ms"),
        *(each.figure() for each in reading),
        *_acting(client, words["draft"], api),
        _leaving(client, crowd.newsletter_id),
    ]


def _words(crowd: Crowd, large: int) -> dict[str, str]:
    """Return what stands in the paths."""
    first = select(Recipient.link_key).where(Recipient.newsletter_id == crowd.newsletter_id).order_by(Recipient.id)
    key = db.session.execute(first.limit(1)).scalar_one()
    return {
        "slug": crowd.slug,
        "large": service.public_id(db.session.get_one(Campaign, large)),
        "draft": service.public_id(product.draft(crowd)),
        "unsubscribe": links.unsubscribe_token(key),
        "preferences": links.preferences_token(key),
    }


class Reading:
    """One page, asked for several times."""

    def __init__(self, client: FlaskClient, path: str, words: dict[str, str], headers: dict[str, str]) -> None:
        self._name = path.replace("{", "<").replace("}", ">")
        get = partial(client.get, path.format(**words), headers=headers)
        self._times = [_timed(get) for _time in range(TIMES)]
        self.worst = max(self._times)

    def figure(self) -> Figure:
        """Return the median."""
        return Figure(f"GET {self._name}", median(self._times), "ms", GOAL_MS, at_most=True)


def _signed_in(bench: Bench) -> FlaskClient:
    """Return a client in which an administrator has signed in by a one-time link."""
    staff = accounts.create(f"{secrets.token_hex(4)}@stadtwerke-musterstadt.example", RoleName.ADMIN)
    path, password = urlsplit(accounts.one_time_login_url(staff)).path, secrets.token_hex(16)
    app = bench.installation.app
    app.config["PREFERRED_URL_SCHEME"] = "https"  # over which alone the session's cookie is sent
    client = app.test_client()
    found = _CSRF.search(_outside(lambda: client.get(path)).text)
    assert found is not None
    form = {"csrf_token": found[1], "password": password, "again": password}
    assert _outside(lambda: client.post(path, data=form)).status_code == FOUND
    return client


def _outside(request: Callable[[], TestResponse]) -> TestResponse:
    """Make a request as one that comes from outside, not from within the context of the benchmark."""
    return contextvars.Context().run(request)


def _acting(client: FlaskClient, draft: str, api: dict[str, str]) -> list[Figure]:
    """Measure what changes a campaign to everybody, once each. Only the snapshot may take its time."""
    found = []
    for act in ("send", "pause", "resume", "cancel"):
        taken = _timed(partial(client.post, f"/api/v1/campaigns/{draft}/{act}", headers=api))
        goal = GOAL_MS if act != "send" else SNAPSHOT_MS
        found.append(Figure(f"POST /api/v1/campaigns/<draft>/{act}", taken, "ms", goal, at_most=True))
    return found


def _leaving(client: FlaskClient, newsletter_id: int) -> Figure:
    """Measure the one-click unsubscribe of people who are in two hundred campaigns."""
    first = select(Recipient.link_key).where(Recipient.newsletter_id == newsletter_id).order_by(Recipient.id)
    keys = list(db.session.execute(first.limit(LEAVING)).scalars())
    db.session.rollback()
    paths = [f"/u/{links.unsubscribe_token(key)}" for key in keys]
    form = {"List-Unsubscribe": "One-Click"}
    times = [_timed(partial(client.post, path, data=form)) for path in paths]
    return Figure("POST /u/<token> (one click), in 200 campaigns", median(times), "ms", GOAL_MS, at_most=True)


def _timed(request: Callable[[], TestResponse]) -> float:
    """Return the milliseconds that a request took, which must be answered well."""
    start = time.perf_counter()
    answer = _outside(request)
    taken = (time.perf_counter() - start) * 1000
    assert answer.status_code < FOUND, f"{answer.request.path}: {answer.status}"
    return taken


if __name__ == "__main__":
    run({"pages": measure})
