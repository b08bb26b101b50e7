"""What the tests stand on: a real PostgreSQL, a real Valkey, a real SMTP relay, the processes of the Procfile
and a real browser. Only the clock is faked.

A test asks for the highest thing it needs: `settings` (a dict), `app` (with its context), `client`,
`run_jobs`, `sink`, `procfile`, `page`. Each test has a database of its own and an empty Valkey.
"""

import contextvars
import gc
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import flask_migrate
import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from redis import Redis
from rq.job import Job
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from newsletter.app import create_app
from newsletter.config import Settings, from_env
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import start_valkey
from tests.environment import environment, release
from tests.procfile import Processes
from tests.sink import Sink

pytest_plugins = ["tests.browser"]

ROOT = Path(__file__).resolve().parent.parent
DATABASE, MIGRATED = "tests", "migrated"
FROM_MIGRATIONS = ["alembic_version", "installation", "role"]
"""What they write must not be emptied."""
MOST_JOBS = 10_000


def pytest_collection_finish() -> None:
    """Do as the worker does: what has been imported is not looked through by each slice of a campaign."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database's name at its end."""
    service = start_postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    yield service.url.rpartition("/")[0]
    service.stop()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey server."""
    service = start_valkey(tmp_path_factory.mktemp("valkey"), durable=False)
    yield service.url
    service.stop()


@pytest.fixture(scope="session")
def relay() -> Iterator[Sink]:
    """The relay of the whole run; tests use `sink`."""
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def migrated(postgres: str, valkey_url: str) -> str:
    """The name of a database that has been migrated once and stays as it is."""
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {MIGRATED}")
    app = create_app(from_env(environment(f"{postgres}/{MIGRATED}", valkey_url, 25)))
    with app.app_context():
        flask_migrate.upgrade()
        release(app)
    return MIGRATED


def _emptying(connection: psycopg.Connection) -> LiteralString:
    """Return what empties every table and starts every count anew, in any order, whatever refers to whatever."""
    query = (
        "SELECT string_agg(format('DELETE FROM %%I;', tablename), '') ||"
        " coalesce((SELECT string_agg(format('SELECT setval(%%L, 1, false);', sequencename), '') FROM pg_sequences"
        "           WHERE last_value IS NOT NULL AND sequencename <> ALL(%s)), '')"
        " FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)"
    )
    kept = [f"{name}_id_seq" for name in FROM_MIGRATIONS]
    row = connection.execute(query, [kept, FROM_MIGRATIONS]).fetchone()
    return "SET session_replication_role = replica;" + str(row[0] if row else "")  # type: ignore[return-value]


@pytest.fixture
def database_url(postgres: str, migrated: str) -> str:
    """The URL of a database, migrated and empty: emptying one is ten times as quick as making one."""
    url = f"{postgres}/{DATABASE}"
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("SELECT 1 / count(*) FROM alembic_version WHERE version_num <> '0000'")
            connection.execute(_emptying(connection))
    except psycopg.Error:  # not there yet, or a test has changed its schema
        with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {migrated} STRATEGY FILE_COPY")
    return url


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The URL of an empty Valkey."""
    with Redis.from_url(valkey_url) as client:
        client.flushall()
    return valkey_url


@pytest.fixture
def sink(relay: Sink) -> Iterator[Sink]:
    """The relay, empty and well-behaved; see tests/sink.py for what it can be told to do."""
    relay.clear()
    yield relay
    relay.clear()


@pytest.fixture
def env(database_url: str, redis_url: str, sink: Sink) -> dict[str, str]:
    """The environment of this test's installation, for child processes."""
    return environment(database_url, redis_url, sink.port)


@pytest.fixture
def settings(env: dict[str, str]) -> Settings:
    """The settings of this test's installation; change the dict before asking for `app`."""
    return from_env(env)


class OutsideClient(FlaskClient):
    """A client whose requests come from outside: the test's app context, session and language stay its own.

    Like Chromium in the tests it wishes for English, unless a test says otherwise.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        response: TestResponse = contextvars.Context().run(super().open, *arguments, **options)
        # So that the test next reads what the request wrote.
        db.session.rollback()
        return response


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Compiled templates, kept for the run: each test's app would compile them anew."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session", autouse=True)
def compiled_rules() -> Iterator[None]:
    """Compile every URL rule once for the run: it is most of the time that it takes to make an app."""
    compiled: dict[object, Any] = {}
    original = Rule._compile_builder

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, rule.subdomain, rule.host, append_unknown, tuple(rule._trace))
        if key not in compiled:
            compiled[key] = original(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture
def make_app(compiled_templates: FileSystemBytecodeCache) -> Iterator[Callable[[Settings], Flask]]:
    """A factory of apps whose connections are closed after the test."""
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        app = create_app(settings)
        app.test_client_class = OutsideClient
        app.jinja_env.bytecode_cache = compiled_templates
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            release(app)


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Iterator[Flask]:
    """The app, its context pushed."""
    app = make_app(settings)
    with app.app_context():
        yield app
        db.session.remove()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the app, without a browser's cookies of another test."""
    return app.test_client()


@pytest.fixture
def run_jobs(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Do what a worker would do, here and now, until the queues are empty; returns how many jobs ran.

    The jobs make the way through Valkey; an exception of a job is the test's.
    """
    monkeypatch.setattr(queues.AppJob, "app", app, raising=False)

    def run() -> int:
        number = 0
        while (job := _next_job()) is not None:
            number += 1
            assert number < MOST_JOBS, "the jobs keep ringing for more"
            contextvars.Context().run(_perform, job)
        db.session.rollback()
        return number

    return run


def _perform(job: Job) -> None:
    try:
        job.perform()
    except queues.JobFailed as failed:
        # It says no more, for the logs' sake; a test may see it all.
        if failed.__context__ is not None:
            failed.add_note("".join(traceback.format_exception(failed.__context__)))
        raise


def _next_job() -> Job | None:
    connection = queues.redis()
    for name in queues.QUEUES:
        waiting = queues.queue(name)
        job_id = waiting.pop_job_id() if waiting.count else None
        if job_id is not None:
            job = queues.AppJob.fetch(job_id, connection=connection, serializer="json")
            job.delete(remove_from_queue=False)
            return job
    return None


@pytest.fixture
def make_processes(env: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    """The processes of the Procfile, none of them started yet: `start("worker")` starts one."""
    processes = Processes(ROOT / "Procfile", env, tmp_path / "logs")
    yield processes
    processes.stop()


@pytest.fixture
def procfile(make_processes: Processes) -> Processes:
    """An installation as it is hosted: released, `web` and one `worker` running, answering under `.url`."""
    make_processes.run("release")
    make_processes.start("web")
    make_processes.start("worker")
    make_processes.wait_for("/healthz")
    return make_processes
