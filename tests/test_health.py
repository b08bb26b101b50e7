"""/healthz, /readyz and /metrics: what platforms and monitors are told."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from newsletter import health
from newsletter.campaigns.models import DeliveryState
from newsletter.config import Settings
from newsletter.core import periodic, queues
from newsletter.core.db import db, utcnow
from newsletter.core.periodic import PeriodicTask
from newsletter.demo.services import free_port
from newsletter.tracking import buffer
from tests import factories
from tests.outages import counting_queries, database_away
from tests.procfile import Processes

ALL_THERE = {"status": "ready", "database": "ok", "redis": "ok", "schema": "ok", "worker": "ok"}


@pytest.fixture
def worker(app: Flask) -> None:
    """A worker has just taken up periodic work."""
    periodic.take("drain events", timedelta(seconds=2))
    periodic.take("drain events", timedelta(seconds=2))


def figures(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """Return what /metrics says: name and labels to value."""
    client.application.extensions.pop(health.METRICS_EXTENSION, None)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    families: Iterator[object] = text_string_to_metric_families(answer.text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}  # type: ignore[attr-defined]


@pytest.mark.usefixtures("app")
def test_healthz_answers_without_database_and_redis(
    make_app: Callable[[Settings], Flask], settings: Settings, database_url: str
) -> None:
    app = make_app(settings | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})

    with database_away(database_url):
        answer = app.test_client().get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_healthz_asks_the_database_nothing(app: Flask, client: FlaskClient) -> None:
    with counting_queries() as queries:
        client.get("/healthz")

    assert queries == []


@pytest.mark.usefixtures("worker")
def test_ready_is_who_has_all_parts(client: FlaskClient) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json) == (200, ALL_THERE)


def test_without_a_worker_nothing_is_ready(app: Flask, client: FlaskClient) -> None:
    assert client.get("/readyz").json == ALL_THERE | {"status": "not ready", "worker": "missing"}
    periodic.take("drain events", timedelta(seconds=2))
    periodic.take("drain events", timedelta(seconds=2))
    assert client.get("/readyz").status_code == 200

    db.session.execute(update(PeriodicTask).values(taken_at=utcnow() - timedelta(minutes=2)))
    db.session.commit()

    assert client.get("/readyz").json == ALL_THERE | {"status": "not ready", "worker": "missing"}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("statement", ["UPDATE alembic_version SET version_num = '0000'", "DROP TABLE alembic_version"])
def test_a_schema_that_is_not_at_head_is_named(app: Flask, client: FlaskClient, statement: str) -> None:
    db.session.execute(text(statement))
    db.session.commit()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json) == (503, ALL_THERE | {"status": "not ready", "schema": "missing"})


@pytest.mark.usefixtures("worker")
def test_redis_away_is_named(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    app = make_app(settings | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})

    answer = app.test_client().get("/readyz")

    assert (answer.status_code, answer.json) == (503, ALL_THERE | {"status": "not ready", "redis": "missing"})


@pytest.mark.usefixtures("worker")
def test_the_database_away_is_named(client: FlaskClient, database_url: str) -> None:
    with database_away(database_url):
        answer = client.get("/readyz")
        metrics = figures(client)

    missing = dict.fromkeys(("database", "schema", "worker"), "missing")
    assert (answer.status_code, answer.json) == (503, ALL_THERE | {"status": "not ready"} | missing)
    assert metrics["newsletter_up", "database"] == 0
    assert metrics["newsletter_up", "redis"] == 1


@pytest.mark.usefixtures("worker")
def test_metrics_say_how_much_waits_where(app: Flask, client: FlaskClient) -> None:
    campaign = factories.make_campaign()
    for state in (DeliveryState.SENT, DeliveryState.SENT, DeliveryState.IN_DOUBT):
        factories.make_delivery(campaign, state=state)
    queues.ring(queues.MAIL, "newsletter.optin.jobs.send_confirmation", 1)
    buffer.push(queues.redis(), ["a 0 1 b"] * 9, dropped=3)

    seen = figures(client)

    assert seen["newsletter_deliveries", "sent"] == 2
    assert seen["newsletter_deliveries", "in_doubt"] == 1
    assert seen["newsletter_campaigns", "draft"] == 1
    assert seen["newsletter_jobs_waiting", "mail"] == 1
    assert seen["newsletter_jobs_waiting", "campaigns"] == 0
    assert seen["newsletter_events_buffered",] == 5  # in steps: see tracking.steps
    assert seen["newsletter_events_dropped_total",] == 3
    assert seen["newsletter_outbox_mails",] == 0
    assert 0 <= seen["newsletter_worker_silent_seconds",] < 60
    assert {seen["newsletter_up", part] for part in ("database", "redis", "schema", "worker")} == {1}


def test_metrics_name_nobody_and_nothing(app: Flask, client: FlaskClient) -> None:
    newsletter = factories.make_newsletter(slug="canary-slug", title="Canary title")
    recipient = factories.make_recipient(newsletter, "canary@example.org")
    factories.make_delivery(factories.make_campaign(newsletter, subject="Canary subject"), recipient)

    answer = client.get("/metrics")

    assert "canary" not in answer.text.lower()
    assert "example.org" not in answer.text


def test_metrics_are_counted_once_in_ten_seconds_however_often_they_are_asked_for(
    app: Flask, client: FlaskClient
) -> None:
    client.get("/metrics")

    with counting_queries() as queries:
        client.get("/metrics")

    assert queries == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_they_are_not_stored_and_set_no_cookie(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_an_installation_is_ready_when_its_worker_is(make_processes: Processes) -> None:
    make_processes.start("web")
    make_processes.wait_for("/healthz")
    assert make_processes.status("/readyz") == 503

    make_processes.start("worker")

    make_processes.wait_for("/readyz")
