"""The doorbell: ids only, allowed functions only, nothing of an error's text."""

import json
import logging
import zlib

import pytest
from flask import Flask
from redis import Redis

from newsletter.campaigns import jobs
from newsletter.core import queues
from newsletter.core.queues import AppJob, JobFailed
from newsletter.optin import jobs as optin_jobs
from tests.campaigns.test_delivering import RunJobs
from tests.conftest import _next_job

CANARY = "canary@example.org"


def test_redis_holds_the_function_and_the_id_and_nothing_else(app: Flask, redis_url: str) -> None:
    queues.ring(queues.CAMPAIGNS, jobs.send_campaign, 4711)

    with Redis.from_url(redis_url) as redis:
        (key,) = redis.keys("rq:job:*")
        fields = redis.hgetall(key)
    assert fields[b"description"] == b"-"
    function, instance, arguments, keywords = json.loads(zlib.decompress(fields[b"data"]))
    assert (function, instance, keywords) == ("newsletter.campaigns.jobs.send_campaign", None, {})
    assert arguments == [4711]


def test_a_function_that_is_no_job_is_not_run(app: Flask, run_jobs: RunJobs) -> None:
    queues.ring(queues.MAIL, "os.getpgid", 0)

    with pytest.raises(PermissionError):
        run_jobs()


def test_a_bell_is_known_by_its_function_and_its_row(app: Flask) -> None:
    own, like_it = (queues.bell(jobs.send_campaign, number) for number in (47, 4))
    queues.ring(queues.CAMPAIGNS, jobs.send_campaign, 47)

    assert queues.waits(queues.CAMPAIGNS, own)
    assert not queues.waits(queues.CAMPAIGNS, own, other=True)
    assert not queues.waits(queues.CAMPAIGNS, like_it)
    assert queues.waits(queues.CAMPAIGNS, like_it, other=True)


def test_a_failing_job_tells_its_kind_of_error_only(
    app: Flask, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_row_id: int) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setitem(queues._allowed, queues.name_of(optin_jobs.send_confirmation), fail)
    queues.ring(queues.MAIL, optin_jobs.send_confirmation, 1)

    job = _next_job()
    assert job is not None

    with caplog.at_level(logging.DEBUG), pytest.raises(JobFailed) as error:
        job.perform()

    assert str(error.value) == "RuntimeError"
    assert CANARY not in repr(error.value.__cause__)


def test_a_doorbell_without_redis_is_no_error(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    away = queues.client("redis://127.0.0.1:1/0", verify=True, timeout=0.2)
    monkeypatch.setitem(app.extensions, queues.EXTENSION, away)

    assert queues.ring(queues.CAMPAIGNS, jobs.send_campaign, 1) is False
    assert queues.waiting(queues.CAMPAIGNS) == 0
    assert not queues.waits(queues.CAMPAIGNS, "", other=False)


def test_arguments_other_than_one_id_are_refused(app: Flask) -> None:
    for arguments in ((), ("1",), (1, 2), (True,), ([1],)):
        job = AppJob(connection=queues.redis(), serializer="json")
        job._func_name = queues.name_of(jobs.send_campaign)
        job._args, job._kwargs = arguments, {}
        job._data = b"x"
        with pytest.raises(PermissionError):
            job.perform()
