"""Workers are killed, or asked to end, at random moments, and new ones started at once."""

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor

from newsletter.demo.services import Child
from tests.chaos.play import account, begin
from tests.chaos.result import Result
from tests.chaos.stage import Stage
from tests.chaos.watch import Watch

WORKERS = 3
PER_CONNECTION = 32
"""So many mails for each connection to the relay may be in doubt when a worker is killed."""
EXIT_SECONDS = 25.0
PATIENCE_SECONDS = 120.0
SPARE_SECONDS = 10.0


def kills(stage: Stage, *, audience: int = 20_000, times: int = 200, gap: float = 0.8) -> Result:
    """SIGKILL: nobody lost, nobody twice, in doubt only what was on the wire, sums equal at every moment."""
    stage.web()
    cut_before = stage.relay.seen().cut
    crew = [stage.worker() for _ in range(WORKERS)]
    play = begin(audience)
    with Watch(stage, play) as watch:
        play.pace(stage, _seconds(times, gap))
        play.wait_for_the_first(stage.relay)
        for done in range(times):
            play.pace(stage, _seconds(times - done, gap))
            time.sleep(random.uniform(0.2, 1.8) * gap)
            # Half of them at any moment of their lives, also while they start up; half in the middle of their work.
            victim = random.choice(crew) if done % 2 else _a_busy_one(stage, crew)
            stage.processes.kill(victim)
            crew.append(stage.worker())
            crew.remove(victim)
            stage.hurry()
        play.check(play.unfinished() > 0, "the campaign was over before the last kill")
        stage.relay.pace(0)
        play.finish(PATIENCE_SECONDS, stage.hurry)
    found, cut = account(stage.relay, play), stage.relay.seen().cut - cut_before
    doubt = found.states["in_doubt"]
    play.check(cut > 0, "no worker was killed while it was sending: nothing is shown")
    play.check(doubt <= PER_CONNECTION * cut, f"{doubt} in doubt, and only {cut} connections were cut")
    numbers = (
        f"{times} SIGKILLs cut {cut} connections; {audience} mails: {found.states['sent']} sent, {doubt} in doubt"
        f" ({found.doubted_taken} taken, {found.doubted_unbegun} not begun); looked {watch.looks + watch.api_looks} x"
    )
    return Result(numbers, play.broken)


def terms(stage: Stage, *, audience: int = 20_000, times: int = 100, gap: float = 0.8) -> Result:
    """SIGTERM: no doubt at all, out within 25 s with code 0; the next worker runs already, or all end at once."""
    web = stage.web()
    crew = [stage.worker() for _ in range(WORKERS + 1)]
    play = begin(audience)
    exits: list[Future[float]] = []
    with Watch(stage, play) as watch, ThreadPoolExecutor(2 * len(crew)) as doormen:
        play.pace(stage, _seconds(times, gap))
        play.wait_for_the_first(stage.relay)
        for done in range(times):
            play.pace(stage, _seconds(times - done, gap))
            time.sleep(random.uniform(0.2, 1.8) * gap)
            stage.hurry()
            leaver = _one_at_work(stage, crew)
            exits.append(doormen.submit(_see_off, leaver))
            crew.append(stage.worker())
            crew.remove(leaver)
        while not {child.process.pid for child in crew} <= stage.at_work():
            stage.hurry()
            time.sleep(0.2)
        play.check(play.unfinished() > 0, "the campaign was over before the last SIGTERM")
        at_once = [*crew, web]
        exits += [doormen.submit(_see_off, child) for child in at_once]
        longest = max(seen_off.result() for seen_off in exits)
        stage.web()
        stage.worker()
        stage.relay.pace(0)
        play.finish(PATIENCE_SECONDS, stage.hurry)
    ended = [child for child in stage.processes.children if child.process.poll() is not None]
    codes = {child.name: child.process.returncode for child in ended if child.process.returncode}
    play.check(not codes, f"exit codes {codes}")
    found = account(stage.relay, play)
    play.check(watch.most_doubt == found.states["in_doubt"] == 0, f"{watch.most_doubt} in doubt")
    play.check(longest <= EXIT_SECONDS, f"one took {longest:.1f} s to end")
    numbers = (
        f"{times} SIGTERMs, then {len(at_once)} at once; {audience} mails: {found.states['sent']} sent,"
        f" {watch.most_doubt} in doubt; the slowest exit took {longest:.1f} s; looked {watch.looks + watch.api_looks} x"
    )
    return Result(numbers, play.broken)


def _seconds(times: int, gap: float) -> float:
    """Return how long the rest of a campaign is to last: rather longer than the signals take, starting up included."""
    return 1.5 * times * gap + SPARE_SECONDS


def _a_busy_one(stage: Stage, crew: list[Child]) -> Child:
    """Return one that is at a job, if any is."""
    busy = stage.at_work(busy=True)
    return next((child for child in crew if child.process.pid in busy), crew[0])


def _one_at_work(stage: Stage, crew: list[Child]) -> Child:
    """Return a random one of those that have started up: before that, a signal ends Python itself."""
    while True:
        at_work = stage.at_work()
        ready = [child for child in crew if child.process.pid in at_work]
        if ready:
            return random.choice(ready)
        time.sleep(0.05)


def _see_off(child: Child) -> float:
    """Ask one to end; return how many seconds it took. Who does not end is killed, and shows by its exit code."""
    asked_at = time.monotonic()
    child.stop(2 * EXIT_SECONDS)
    return time.monotonic() - asked_at
