"""Bells that are rung together: soon, all of them, and never by the one who is waited for."""

import os
import time

from flask import Flask

from newsletter.core import bells, queues
from newsletter.core.bells import Bells
from newsletter.core.queues import Bell
from newsletter.mail import outbox
from newsletter.optin import jobs

JOB = "newsletter.optin.jobs.send_confirmation"


def rung() -> list[int]:
    """Return the rows that the bells in the queue are for, in order."""
    return [job.args[0] for job in queues.queue(queues.MAIL).jobs]


def test_bells_are_rung_by_themselves_together_and_in_order(app: Flask) -> None:
    bells.gather(app)

    for row_id in range(1, 31):
        outbox.ring(row_id, jobs.send_confirmation)

    deadline = time.monotonic() + 5
    while len(rung()) < 30 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert rung() == list(range(1, 31))
    app.extensions[bells.EXTENSION].close()


def test_where_none_are_gathered_a_bell_is_rung_at_once(app: Flask) -> None:
    outbox.ring(7, jobs.send_confirmation)

    assert rung() == [7]


def test_the_last_bells_are_rung_when_the_process_ends(app: Flask) -> None:
    gathered = Bells(app)
    gathered.add(Bell(queues.MAIL, JOB, 1))

    gathered.close()

    assert rung() == [1]


def test_with_redis_gone_bells_are_forgotten_and_later_ones_rung(app: Flask) -> None:
    gathered = Bells(app)
    at_home, nowhere = gathered._redis, queues.client("redis://127.0.0.1:1/0", verify=True, timeout=0.1)

    gathered._redis = nowhere
    gathered._waiting.append(Bell(queues.MAIL, JOB, 1))
    gathered.ring()
    gathered._redis = at_home
    gathered.add(Bell(queues.MAIL, JOB, 2))
    gathered.close()

    assert rung() == [2]


def test_a_forked_child_does_not_ring_its_parents_bells(app: Flask) -> None:
    gathered = Bells(app)
    gathered._waiting.append(Bell(queues.MAIL, JOB, 1))

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(len(gathered._waiting)).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read, 10) == b"0"
    gathered.ring()
    assert rung() == [1]
