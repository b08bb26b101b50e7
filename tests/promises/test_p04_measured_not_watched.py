"""P4: opens and clicks are counted under a pseudonym of their own per campaign, never with an address, an IP or a
user agent. When the window ends the key is destroyed, and the counts remain. No number points at a person."""

import os
import signal
import urllib.request
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select, text, update

from newsletter.campaigns import silencing
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.recipients import links
from newsletter.tracking import buffer, measurement
from newsletter.tracking.measurement import MeasurementIds
from newsletter.tracking.models import MACHINE_CLICK, Event, MeasurementKey
from newsletter.tracking.report import report
from newsletter.tracking.tracker import tracker
from tests import factories
from tests.procfile import Processes
from tests.tracking.measured import URLS, count, events, make_measured, open_and_click

ADDRESS = "canary.person@example.org"
AGENT = "Canary-Mailprogram/7.1"
IP = "203.0.113.77"
DELIVERED = 100


def database_dump(url: str) -> str:
    """Return every row of every table as text."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(f'SELECT t::text FROM "{table}" t').fetchall() for (table,) in tables]
    return "\n".join(row for table in rows for (row,) in table)


def redis_dump(client: Redis) -> str:
    """Return every key and what it holds, as text."""
    readers: dict[str, Callable[[bytes], Any]] = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "hash": client.hgetall,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return "\n".join(f"{key!r} {readers[client.type(key).decode()](key)!r}" for key in client.scan_iter())


def test_no_store_holds_who_opened_or_from_where(app: Flask, client: FlaskClient, database_url: str) -> None:
    recipient = factories.make_recipient(email=ADDRESS)
    measured = make_measured()
    sign = {"User-Agent": AGENT, "X-Forwarded-For": IP, "Referer": "https://mail.example/inbox?of=canary.person"}

    for path in (measured.pixel(recipient.id), measured.link(recipient.id)):
        client.get(path, headers=sign, environ_overrides={"REMOTE_ADDR": IP})
    assert tracker().notes.flush()
    in_redis = redis_dump(queues.redis())
    buffer.drain(settle_seconds=0)
    in_tables = database_dump(database_url) + redis_dump(queues.redis())

    assert measured.ids.spell(recipient.id).partition("-")[2] in in_redis
    assert measured.totals()[0] == (1, 1)
    for personal in (ADDRESS, "canary", AGENT, IP, "203.0.113", "mail.example"):
        assert personal not in in_redis + in_tables


def test_telling_machines_apart_keeps_neither_their_names_nor_when_people_came(
    app: Flask, client: FlaskClient, database_url: str
) -> None:
    measured = make_measured([f"https://www.example.org/{number}" for number in range(3)])
    scanner = {"User-Agent": "Canary-Proofpoint/7.1", "X-Forwarded-For": IP}

    for number in (1, 2, 3):
        client.get(measured.link(1, number), headers=scanner, environ_overrides={"REMOTE_ADDR": IP})
    assert tracker().notes.flush()
    noted = redis_dump(queues.redis())
    moments = [note.split()[2].decode() for note in queues.redis().lrange(buffer.EVENTS, 0, -1)]
    buffer.drain(settle_seconds=0)
    everywhere = noted + database_dump(database_url) + redis_dump(queues.redis())

    assert measured.totals() == {MACHINE_CLICK: (1, 3)}
    for personal in ("Canary", "Proofpoint", IP):
        assert personal not in everywhere
    assert not [moment for moment in moments if moment in database_dump(database_url)]


def test_a_person_has_no_pseudonym_in_common_between_two_campaigns(app: Flask, client: FlaskClient) -> None:
    campaigns = [make_measured(), make_measured()]

    for measured in campaigns:
        open_and_click(client, measured, range(20))
    count()

    seen = [set(db.session.execute(select(Event.pseudonym).where(Event.campaign_id == campaign.id)).scalars())
            for campaign in campaigns]  # fmt: skip
    assert [len(pseudonyms) for pseudonyms in seen] == [20, 20]
    assert not seen[0] & seen[1]


def test_when_the_window_ends_the_key_is_gone_and_the_counts_remain(
    app: Flask, client: FlaskClient, database_url: str
) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(17))
    count()
    before = report(measured.id, DELIVERED)
    pseudonyms = [str(number) for number in db.session.execute(select(Event.pseudonym)).scalars()]

    db.session.execute(update(MeasurementKey).values(ends_at=utcnow()))
    db.session.commit()
    measurement.forget_ended()
    open_and_click(client, measured, range(17, 40))
    count()

    assert report(measured.id, DELIVERED) == before
    assert before.opens.unique == 15
    assert db.session.execute(select(MeasurementKey.key_sealed)).scalar_one() is None
    assert events() == 0
    assert not [number for number in pseudonyms if number in database_dump(database_url)]
    with pytest.raises(measurement.WindowEnded):
        MeasurementIds.for_campaign(measured.id)
    assert client.get(measured.link(1)).headers["Location"] == URLS[0]


def test_a_shorter_window_goes_for_what_was_sent_before(app: Flask) -> None:
    measured = make_measured()
    db.session.execute(text("UPDATE campaign SET started_at = now() - interval '31 days'"))
    db.session.commit()

    kept = measurement.forget_ended()
    app.config["MEASUREMENT_DAYS"] = 30
    destroyed = measurement.forget_ended()

    assert (kept, destroyed) == (0, 1)
    with pytest.raises(measurement.WindowEnded):
        measurement.MeasurementIds.for_campaign(measured.id)


def test_who_objects_is_no_longer_in_any_number_nor_under_any_pseudonym(
    app: Flask, client: FlaskClient, database_url: str
) -> None:
    recipient = factories.make_recipient(email=ADDRESS)
    measured = make_measured(newsletter_id=recipient.newsletter_id)
    open_and_click(client, measured, [recipient.id])
    count()
    assert measured.totals()[0] == (1, 1)

    token = links.preferences_token(recipient.link_key, utcnow())
    client.post(f"/me/{token}/measurement", data={"measured": "no"})
    silencing.see_to_objections()
    open_and_click(client, measured, [recipient.id])
    count()

    assert measured.totals() == {}
    measurement.forget_key(measured.id)
    db.session.commit()
    assert str(measured.ids.pseudonyms.pseudonym(recipient.id)) not in database_dump(database_url)


def test_inventing_ids_moves_no_figure(app: Flask, client: FlaskClient) -> None:
    measured = make_measured()
    open_and_click(client, measured, range(6))
    count()
    before = report(measured.id, DELIVERED)

    for number in range(200):
        word = measured.ids.words.encode(number * 2**64 + 12345)
        assert client.get(f"/o/{measured.ids.prefix}{word}.gif").status_code == 200
        assert client.get(f"/c/{measured.ids.prefix}{word}/1").status_code == 302
    count()

    assert report(measured.id, DELIVERED) == before
    assert queues.redis().get(buffer.INVENTED) == b"400"


@pytest.mark.parametrize("told", ["its first process", "all its processes"])
def test_a_web_process_that_is_told_to_stop_loses_no_event(app: Flask, make_processes: Processes, told: str) -> None:
    measured = make_measured()
    web = make_processes.start("web", WEB_CONCURRENCY="2")
    make_processes.wait_for("/healthz")

    for person in range(300):
        fetch(make_processes.url + measured.pixel(person))
    if told == "all its processes":
        os.killpg(web.process.pid, signal.SIGTERM)
    else:
        web.ask_to_stop()
    web.process.wait(30)
    buffer.drain(settle_seconds=0)

    assert measured.totals()[0] == (300, 300)


def fetch(url: str) -> None:
    """Load a pixel as a mail program does."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.status == 200
