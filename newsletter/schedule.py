"""Periodic work, in a thread of every worker process. However many there are, each task runs once per
interval: whoever moves its row does it (`core.periodic`)."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from newsletter.campaigns import progress, rates, silencing
from newsletter.campaigns import sweep as campaigns
from newsletter.core import periodic
from newsletter.core.db import db
from newsletter.core.stopping import stopping
from newsletter.optin import alarm
from newsletter.privacy import chain
from newsletter.recipients import versions
from newsletter.recovery import looking
from newsletter.retention import enforcing
from newsletter.tracking import buffer

log = logging.getLogger(__name__)

WORK: tuple[tuple[str, timedelta, Callable[[], object]], ...] = (
    ("keep the journal", timedelta(seconds=2), looking.keep),
    ("see to objections", timedelta(seconds=2), silencing.see_to_objections),
    ("drain events", timedelta(seconds=2), buffer.drain),
    ("start due campaigns", timedelta(seconds=1), campaigns.start_due),
    ("note progress", timedelta(seconds=2), progress.note),
    ("sweep campaigns", timedelta(seconds=10), campaigns.sweep),
    ("forget idle allowances", timedelta(hours=1), rates.forget_idle),
    ("link receipts", timedelta(seconds=10), chain.link_new),
    ("note versions of texts", timedelta(minutes=1), versions.note_all),
    ("look at confirmation mails", timedelta(minutes=1), alarm.look),
)
TASKS = WORK + tuple((f"keep no longer: {rule.name}", rule.every, enforcing.job(rule)) for rule in enforcing.enforced())
"""The work, and what enforces the table of how long things are kept."""
TICK_SECONDS = 0.5
JOIN_SECONDS = 10.0


class Schedule(Thread):
    """Runs the tasks that are due until the process is asked to end."""

    def __init__(self, app: Flask) -> None:
        super().__init__(name="schedule", daemon=True)
        self._app = app
        self._next = dict.fromkeys((name for name, _every, _task in TASKS), 0.0)

    def run(self) -> None:
        """Look twice a second what is due."""
        while not stopping.wait(TICK_SECONDS):
            for name, every, task in TASKS:
                if time.monotonic() >= self._next[name] and not stopping.is_set():
                    self._next[name] = time.monotonic() + every.total_seconds()
                    with self._app.app_context():
                        run_task(name, every, task)


def run_task(name: str, every: timedelta, task: Callable[[], object]) -> None:
    """Run one task if it is this process's turn. An error is logged; the next turn tries again."""
    try:
        if periodic.take(name, every):
            task()
    except SQLAlchemyError as error:
        log.error("periodic task %s: the database is away or refuses: %s", name, type(error).__name__)
    except Exception as error:  # one task's error must not end the others
        log.error("periodic task %s failed", name, exc_info=error)
    finally:
        db.session.rollback()
