"""`python -m tests.canaries [--lives N] [--seed N]`: lets N people live, and looks for them; exit code 1: found."""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psycopg

from newsletter.app import create_app
from newsletter.config import from_env
from newsletter.core.db import db
from newsletter.demo.postgres import start_postgres
from newsletter.recipients.models import Recipient
from tests.canaries import flock, troubles
from tests.canaries.bird import Bird
from tests.canaries.finder import Finder
from tests.canaries.stage import Stage, set_up
from tests.environment import release
from tests.sink import Sink

log = logging.getLogger(__name__)

FLOCKS, SMALLEST = 22, 10
MOST_SHOWN = 40
EVERYTHING = ("log_statement = 'all'", "log_parameter_max_length_on_error = -1", "log_error_verbosity = 'verbose'")
"""So that the server's own log holds each statement with its values, also of what failed."""


def main(words: Sequence[str]) -> int:
    """Let them live, and look for them."""
    parser = argparse.ArgumentParser(prog="make canaries", description=__doc__)
    parser.add_argument("--lives", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10_000, help="repeats the order of the troubles")
    options = parser.parse_args(words)
    print(f"{options.lives} lives, seed {options.seed}", flush=True)
    sink = Sink()
    sink.start()
    with tempfile.TemporaryDirectory(prefix="newsletter-canaries-") as directory:
        home = Path(directory) / "home"
        postgres = start_postgres(home / "postgres")
        try:
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                for setting in EVERYTHING:
                    connection.execute(f"ALTER SYSTEM SET {setting}")  # type: ignore[arg-type]
                connection.execute("SELECT pg_reload_conf()")
            with set_up(home, postgres.url, sink) as stage:
                return _play(stage, options.lives, random.Random(options.seed))
        finally:
            postgres.stop()
            sink.stop()


def _play(stage: Stage, lives: int, chance: random.Random) -> int:
    stage.processes.run("release")
    stage.start()
    app = create_app(from_env(stage.env | {"LOG_LEVEL": "error"}))
    with app.app_context():
        problems = _live(stage, lives, chance)
        kept = db.session.query(Recipient).count()
        release(app)
    stage.processes.stop()
    with psycopg.connect(stage.database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    octets = sum(path.stat().st_size for path in stage.home.rglob("*") if path.is_file())
    print(f"{kept} are subscribed still; looking through dump, Redis and {octets // 2**20} MiB of files", flush=True)
    traces = list(stage.traces(Finder(map(Bird, range(lives + troubles.NOBODY)))))
    for trace in traces[:MOST_SHOWN]:
        print(f"FOUND {trace}")
    where = Counter(trace.where.partition(",")[0] for trace in traces)
    print(f"found: {len(traces)} traces {dict(where) if where else ''}; not lived to the end: {problems or 'none'}")
    return 1 if traces or problems else 0


def _live(stage: Stage, lives: int, chance: random.Random) -> list[str]:
    birds, order, problems = [Bird(number) for number in range(lives)], list(troubles.ALL), []
    chance.shuffle(order)
    size = max(SMALLEST, -(-lives // FLOCKS))
    for number, first in enumerate(range(0, lives, size)):
        trouble, begun = order[number % len(order)], time.monotonic()
        try:
            found = flock.live(stage, birds[first : first + size], trouble)
        except Exception:  # the next ones live all the same
            log.exception("the lives under %s failed", trouble.__name__)
            found = [f"an error of its own under {trouble.__name__}"]
        print(
            f"{min(lives, first + size):>5} {trouble.__name__} [{time.monotonic() - begun:.0f} s]", *found, flush=True
        )
        problems += found
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
