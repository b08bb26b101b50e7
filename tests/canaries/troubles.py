"""What befalls an installation while canaries go about their lives. Each is a context; behind it all is well again."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import psycopg

from newsletter.core.db import db
from newsletter.mail import outbox
from newsletter.optin import jobs as optin
from newsletter.recipients import jobs as recipients
from tests.canaries import odd
from tests.canaries.bird import Bird
from tests.canaries.life import Life
from tests.canaries.stage import Stage
from tests.outages import database_away

Lives = Sequence[Life]
Trouble = Callable[[Stage, Lives], AbstractContextManager[None]]
PHASES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT")
REPLIES = ("450 4.2.1", "421 4.3.2", "451 4.7.1", "550 5.7.1", "554 5.3.0", "599 9.9.9", "354 go on,")
SECONDS = 0.7
NOBODY = 5000


@contextmanager
def calm(_stage: Stage, _lives: Lives) -> Iterator[None]:
    """Nothing happens."""
    yield


@contextmanager
def talkative_relay(stage: Stage, lives: Lives) -> Iterator[None]:
    """The relay refuses at each phase in several ways, and says by name whom it is about."""
    for number, life in enumerate(lives):
        phase, reply = PHASES[number % len(PHASES)], REPLIES[number % len(REPLIES)]
        said = f"{reply} {life.bird.said_by_relays} is not for us"
        late = phase in ("RCPT", "DATA", "DOT")
        stage.sink.refuse(said, phase=phase, address=life.bird.address if late else None, times=1)
    yield
    time.sleep(SECONDS)
    stage.sink.behave()


@contextmanager
def dropping_relay(stage: Stage, lives: Lives) -> Iterator[None]:
    """The relay cuts the connection at each phase, now and then with the mail in its hands."""
    for number, _life in enumerate(lives):
        stage.sink.drop(PHASES[number % len(PHASES)], times=1, keep=number % 2 == 0)
    yield
    time.sleep(SECONDS)
    stage.sink.behave()


@contextmanager
def no_relay(stage: Stage, _lives: Lives) -> Iterator[None]:
    """There is no relay at all."""
    stage.sink.stop()
    yield
    time.sleep(SECONDS)
    stage.sink.start()


@contextmanager
def no_database(stage: Stage, _lives: Lives) -> Iterator[None]:
    """The database turns everyone out, again and again, in the middle of requests; now and then it lets nobody in."""
    over = threading.Event()

    def disturb() -> None:
        while not over.wait(0.05):
            with database_away(stage.database_url):
                over.wait(0.15)

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    try:
        yield
    finally:
        over.set()
        disturbing.join()


@contextmanager
def no_redis(stage: Stage, _lives: Lives) -> Iterator[None]:
    """Redis is away."""
    with stage.without_redis():
        yield


@contextmanager
def locked_tables(stage: Stage, _lives: Lives) -> Iterator[None]:
    """What they want to write to is locked, and the database cancels what waits for it: errors with statements."""
    with psycopg.connect(stage.database_url) as connection:
        _lock(connection)
        over = threading.Event()

        def cancel() -> None:
            with psycopg.connect(stage.database_url, autocommit=True) as other:
                while not over.wait(0.1):
                    other.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

        cancelling = threading.Thread(target=cancel)
        cancelling.start()
        try:
            yield
        finally:
            over.set()
            cancelling.join()
            connection.rollback()


def _lock(connection: psycopg.Connection) -> None:
    while True:
        try:
            connection.execute("LOCK TABLE recipient, receipt, outbox_mail, confirmation_mail")
            return
        except psycopg.errors.DeadlockDetected:
            connection.rollback()


@contextmanager
def kills(stage: Stage, _lives: Lives) -> Iterator[None]:
    """Web and worker are killed as soon as something has been begun."""
    yield
    stage.kill()


@contextmanager
def sabotage(stage: Stage, _lives: Lives) -> Iterator[None]:
    """Functions of web and worker raise, templates and jobs among them, and spill what they were given."""
    stage.start(broken=True)
    yield
    time.sleep(SECONDS)
    stage.start()


@contextmanager
def sabotage_and_kills(stage: Stage, _lives: Lives) -> Iterator[None]:
    """They have been started with faults, and are killed at last: who starts seldom is done sooner."""
    yield
    time.sleep(SECONDS)
    stage.kill()


@contextmanager
def odd_requests(stage: Stage, lives: Lives) -> Iterator[None]:
    """Addresses and names come where they do not belong."""
    yield
    # Of another one, who has no life of its own: some of these requests are sign-ups all the same.
    bird, slug = Bird(lives[0].bird.number + NOBODY), lives[0].slug
    odd.everywhere(stage, slug, bird)
    if stage.with_files and slug not in stage.filed:
        stage.filed.add(slug)
        odd.files(stage, slug, bird)


@contextmanager
def unreadable_jobs(stage: Stage, lives: Lives) -> Iterator[None]:
    """Mail waits whose job can't make anything of what it finds, or finds it sealed by nobody."""
    bird = lives[0].bird  # of one only: this mail waits for two days, and is tried over and over
    for job in (optin.send_confirmation, optin.send_welcome, recipients.send_preferences_link):
        row_id = outbox.post(job, {"email": bird.typed, bird.address: bird.name})
        db.session.commit()
        outbox.ring(row_id, job)
    yield


def in_turn(*troubles: Trouble) -> Trouble:
    """Return a trouble that is another one each time that it comes."""
    order = itertools.cycle(troubles)

    def next_one(stage: Stage, lives: Lives) -> AbstractContextManager[None]:
        return next(order)(stage, lives)

    return next_one


ALL: tuple[Trouble, ...] = (
    talkative_relay, no_database, sabotage, odd_requests, calm, dropping_relay, no_redis, kills, locked_tables,
    unreadable_jobs, no_relay,
)  # fmt: skip
