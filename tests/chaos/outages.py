"""The services go away and come back while a campaign is being sent."""

import signal
import time
from collections.abc import Callable

from newsletter.core.queues import redis
from tests.chaos.killing import PATIENCE_SECONDS, PER_CONNECTION, WORKERS
from tests.chaos.play import account, begin
from tests.chaos.result import Result
from tests.chaos.stage import Stage
from tests.chaos.watch import Watch


def outages(stage: Stage, *, audience: int = 5_000, rounds: int = 2, gap: float = 4.0) -> Result:
    """PostgreSQL and Valkey restarted and crashed, Valkey flushed: nobody lost, nobody twice."""
    events: list[Callable[[], object]] = [
        stage.restart_postgres,
        stage.restart_valkey,
        lambda: redis().flushall(),
        lambda: stage.restart_postgres(signal.SIGQUIT),
        lambda: stage.restart_valkey(signal.SIGKILL),
    ] * rounds
    stage.web()
    workers = [stage.worker() for _ in range(WORKERS)]
    play = begin(audience)
    with Watch(stage, play) as watch:
        play.pace(stage, len(events) * gap)
        play.wait_for_the_first(stage.relay)
        for done, event in enumerate(events):
            play.pace(stage, (len(events) - done + 1) * gap)
            time.sleep(gap)
            event()
        play.check(play.unfinished() > 0, "the campaign was over before the last outage")
        stage.relay.pace(0)
        play.finish(PATIENCE_SECONDS, stage.hurry)
    dead = [worker.name for worker in workers if worker.process.poll() is not None]
    play.check(not dead, f"{dead} did not survive")
    found = account(stage.relay, play)
    doubt, crashes = found.states["in_doubt"], 2 * rounds
    most = PER_CONNECTION * stage.app.config["SENDING_CONNECTIONS"] * WORKERS * crashes
    play.check(doubt <= most, f"{doubt} in doubt")
    numbers = (
        f"{len(events)} outages; {audience} mails: {found.states['sent']} sent, {doubt} in doubt"
        f" ({found.doubted_taken} taken); looked {watch.looks + watch.api_looks} x"
    )
    return Result(numbers, play.broken)
