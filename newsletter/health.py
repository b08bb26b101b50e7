"""For platforms and monitors: /healthz (this process answers), /readyz (all it needs is there), /metrics.

None of them names a person, a campaign or a newsletter, so none of them asks who is asking. The figures of
/metrics are read when they are asked for, so that they are the same from whichever web process answers.
"""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from flask import Blueprint, Response, current_app, json
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError
from sqlalchemy import Select, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from newsletter.campaigns.models import Campaign, DeliveryCount
from newsletter.core import periodic, queues, schema
from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from newsletter.optin import pressure
from newsletter.tracking import buffer, steps

bp = Blueprint("health", __name__)

METRICS_EXTENSION, METRICS_SECONDS = "newsletter-metrics", 10.0
"""Anybody may ask for the metrics, as often as they like: they are read once in ten seconds."""


@bp.get("/healthz")
def healthz() -> Response:
    """Say that this process answers. Asks neither database nor Redis: restarting it would not bring them back."""
    return _answer({"status": "alive"}, 200)


@bp.get("/readyz")
def readyz() -> Response:
    """Say of each part whether it is there; 503 while one is not."""
    parts = {name: _there(check) for name, check in CHECKS.items()}
    ready = all(parts.values())
    words = {name: "ok" if there else "missing" for name, there in parts.items()}
    return _answer({"status": "ready" if ready else "not ready", **words}, 200 if ready else 503)


@bp.get("/metrics")
def metrics() -> Response:
    """Answer in the text format of Prometheus."""
    until, page = current_app.extensions.get(METRICS_EXTENSION, (0.0, b""))
    if monotonic() >= until:
        registry = CollectorRegistry()
        registry.register(Figures())
        page = generate_latest(registry)
        current_app.extensions[METRICS_EXTENSION] = (monotonic() + METRICS_SECONDS, page)
    return Response(page, content_type=CONTENT_TYPE_LATEST)


def _answer(body: dict[str, str], status: int) -> Response:
    return Response(json.dumps(body) + "\n", status, content_type="application/json")


def _there(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (SQLAlchemyError, RedisError):
        return False
    finally:
        db.session.rollback()


def _database() -> bool:
    return bool(db.session.execute(text("SELECT 1")).scalar_one())


def _redis() -> bool:
    return bool(queues.redis().ping())


def _schema() -> bool:
    there, wanted = schema.revisions()
    return there == wanted


CHECKS = {"database": _database, "redis": _redis, "schema": _schema, "worker": periodic.is_worker_there}


class Figures(Collector):
    """Reads the figures when they are collected. A part that is away has none, and `newsletter_up` says so."""

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        up = GaugeMetricFamily("newsletter_up", "Whether a part is there (as /readyz says).", labels=["part"])
        for name, check in CHECKS.items():
            up.add_metric([name], _there(check))
        yield up
        for read in (_from_redis, _from_database):
            try:
                yield from read()
            except (SQLAlchemyError, RedisError):
                continue
            finally:
                db.session.rollback()


def _from_redis() -> list[Metric]:
    jobs = GaugeMetricFamily("newsletter_jobs_waiting", "Jobs no worker has taken yet.", labels=["queue"])
    for name in queues.QUEUES:
        jobs.add_metric([name], queues.queue(name).count)
    buffered, dropped, invented = buffer.figures()
    return [
        jobs,
        GaugeMetricFamily(
            "newsletter_signups_level", "0: calm; 1: many arrive; 2: the brake is pulled.", int(pressure.level())
        ),
        GaugeMetricFamily(
            "newsletter_events_buffered",
            "Opens and clicks not counted yet, in steps of MEASUREMENT_MIN_GROUP: a single one is nobody's business.",
            steps.rounded(buffered, steps.size()),
        ),
        CounterMetricFamily("newsletter_events_dropped", "Opens and clicks that found no room, or no key.", dropped),
        CounterMetricFamily("newsletter_events_invented", "Measurement ids that were not ours.", invented),
    ]


def _from_database() -> list[Metric]:
    waits = func.extract("epoch", func.now() - func.min(OutboxMail.created_at))
    mails, oldest = db.session.execute(select(func.count(), func.coalesce(waits, 0)).select_from(OutboxMail)).one()
    silent = periodic.silent_seconds()
    return [
        _by_state(
            "newsletter_deliveries",
            "Deliveries by state.",
            select(DeliveryCount.state, func.sum(DeliveryCount.number)).group_by(DeliveryCount.state),
        ),
        _by_state(
            "newsletter_campaigns",
            "Campaigns by state.",
            select(Campaign.state, func.count()).group_by(Campaign.state),
        ),
        GaugeMetricFamily("newsletter_outbox_mails", "Mails to one person that wait for the relay.", mails),
        GaugeMetricFamily("newsletter_outbox_oldest_seconds", "How long the oldest of them waits.", float(oldest)),
        GaugeMetricFamily(
            "newsletter_worker_silent_seconds",
            "Since when no worker took up periodic work; NaN for never.",
            float("nan") if silent is None else silent,
        ),
    ]


def _by_state(name: str, documentation: str, query: Select[Any, Any]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=["state"])
    for word, number in db.session.execute(query):
        family.add_metric([str(word)], float(number))
    return family
