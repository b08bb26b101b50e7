"""P1: until a person confirms, no recipient exists, and no store (database, Redis, logs) holds the address readably.
What waits to be mailed is sealed, and is gone once the relay took the mail.

The logs of web and worker, and a relay that names people, are looked at in P9's file, with people who never confirm.
"""

import base64
import urllib.parse
from collections.abc import Callable, Mapping

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from newsletter.mail.models import OutboxMail
from newsletter.privacy.models import Receipt
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter
from tests.signups import confirm_path, count, make_sign_up, path, sign_up
from tests.sink import Sink
from tests.stores import everything_stored

LOCAL, DOMAIN, NAME = "canary.bird", "cage-of-canaries.example.org", "Kanarienvogel"
ADDRESS = f"{LOCAL}@{DOMAIN}"
TRACES = [
    *(LOCAL, DOMAIN, NAME),
    *(base64.b64encode(word.encode()).decode()[:-4] for word in (ADDRESS, NAME)),
    *(word.encode().hex() for word in (LOCAL, NAME)),
    urllib.parse.quote(ADDRESS),
]


def traces(stored: str) -> list[str]:
    return [trace for trace in TRACES if trace.lower() in stored.lower()]


def test_the_stores_are_looked_through_well_enough_to_find_a_trace(env: Mapping[str, str], app: Flask) -> None:
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO outbox_mail (job, sealed) VALUES ('-', %s)", (ADDRESS.encode(),))
    assert traces(everything_stored(env)) == [LOCAL, DOMAIN]

    with psycopg.connect(env["DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM outbox_mail")
    with Redis.from_url(env["REDIS_URL"]) as redis:
        redis.set("a", ADDRESS)
    assert traces(everything_stored(env)) == [LOCAL, DOMAIN]


def test_between_sign_up_and_yes_the_address_is_nowhere(
    env: dict[str, str], client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    newsletter = make_newsletter()

    sign_up(client, newsletter, ADDRESS, last_name=NAME)
    assert traces(everything_stored(env)) == []
    assert (count(OutboxMail), count(Recipient), count(Receipt)) == (1, 0, 0)

    run_jobs()
    assert len(sink.to(ADDRESS)) == 1
    assert traces(everything_stored(env)) == []
    assert (count(OutboxMail), count(Recipient), count(Receipt)) == (0, 0, 0)


def test_after_the_yes_it_is_sealed_and_after_leaving_it_is_gone(
    env: dict[str, str], client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, ADDRESS, last_name=NAME)
    run_jobs()
    client.post(path(sink.mails[0].link("/confirm/")))
    run_jobs()
    assert count(Recipient) == 1
    assert traces(everything_stored(env)) == []

    client.post(path(sink.mails[1].link("/u/")), data={"List-Unsubscribe": "One-Click"})

    assert count(Recipient) == 0
    assert traces(everything_stored(env)) == []


def test_a_wrong_form_leaves_nothing_either(env: dict[str, str], client: FlaskClient) -> None:
    newsletter = make_newsletter()

    sign_up(client, newsletter, ADDRESS + "\r\n", last_name=NAME)
    sign_up(client, newsletter, ADDRESS, last_name=NAME * 20)

    assert traces(everything_stored(env)) == []


def test_a_link_that_nobody_used_leaves_nothing(env: dict[str, str], client: FlaskClient) -> None:
    link = confirm_path(make_sign_up(make_newsletter(), ADDRESS))

    client.get(link)
    client.post(link[:-1])

    assert (count(Recipient), count(Receipt)) == (0, 0)
    assert traces(everything_stored(env)) == []
