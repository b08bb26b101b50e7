"""Recipients leave while a campaign is being sent to them (P3)."""

import random
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.killing import PATIENCE_SECONDS
from tests.chaos.play import account, begin
from tests.chaos.result import Result
from tests.chaos.stage import Stage
from tests.chaos.watch import Watch

THREADS = 8
CLOSE_SECONDS = 1.0
ONE_CLICK = b"List-Unsubscribe=One-Click"
PATIENT_SECONDS = 30


def leaving(stage: Stage, *, audience: int = 5_000, leavers: int = 500, seconds: float = 30.0) -> Result:
    """One-click unsubscribes at random moments: no MAIL FROM for anybody after their 200, by the relay's clock."""
    stage.web()
    for _ in range(2):
        stage.worker()
    play = begin(audience)
    play.pace(stage, seconds)
    emails = random.sample(sorted(play.links), leavers)
    with Watch(stage, play) as watch, ThreadPoolExecutor(THREADS) as threads:
        play.wait_for_the_first(stage.relay)
        moments = sorted(random.uniform(0, 0.9 * seconds) for _ in emails)
        begun_at = time.monotonic()
        answers = []
        for email, moment in zip(emails, moments, strict=True):
            time.sleep(max(0.0, begun_at + moment - time.monotonic()))
            answers.append(threads.submit(_leave, play.links[email]))
        gone = dict(zip(emails, (answer.result() for answer in answers), strict=True))
        stage.relay.pace(0)
        play.finish(PATIENCE_SECONDS, stage.hurry)
    found, seen = account(stage.relay, play, left=frozenset(emails)), stage.relay.seen()
    late = [email for email, (_asked, at) in gone.items() if any(mail.clock > at for mail in seen.begun[email])]
    close = sum(
        any(at - CLOSE_SECONDS < mail.clock <= at for mail in seen.begun[email]) for email, (_asked, at) in gone.items()
    )
    play.check(not late, f"{len(late)} were mailed after they had left")
    play.check(found.states["skipped"] > 0, "everybody left too late: nothing is shown")
    play.check(watch.most_doubt == 0, f"{watch.most_doubt} in doubt")
    waits = sorted(at - asked for asked, at in gone.values())
    numbers = (
        f"{leavers} of {audience} left, {found.states['skipped']} before their mail, {close} within a second after it"
        f" began; slowest answer {waits[-1]:.1f} s, median {waits[len(waits) // 2] * 1000:.0f} ms"
    )
    return Result(numbers, play.broken)


def _leave(link: str) -> tuple[float, float]:
    """Leave as a mail program does (RFC 8058); return when it was asked for, and when the answer came."""
    asked_at = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(link, data=ONE_CLICK), timeout=PATIENT_SECONDS) as answer:
        assert answer.status == 200
    return asked_at, time.monotonic()
