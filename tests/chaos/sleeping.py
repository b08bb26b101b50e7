"""A worker is stopped, and wakes when its time is over."""

import random
import signal
import time

from newsletter.campaigns import claims
from tests.chaos.killing import PER_CONNECTION
from tests.chaos.play import Play, account, begin
from tests.chaos.result import Result
from tests.chaos.stage import Stage
from tests.chaos.watch import Watch

TAKEN_OVER_SECONDS = 90.0
"""So soon another worker has sent what a vanished one had claimed, without anyone's help."""
WATCHED_SECONDS = 4.0


def sleeping(stage: Stage, *, audience: int = 400, naps: int = 4, whole_naps: int = 1) -> Result:
    """SIGSTOP for longer than the lease: another takes over, and who wakes sends nothing; nobody twice.

    The lease is a short one, to save time; in `whole_naps` it is as long as it is by default, and nobody helps.
    """
    broken: list[str] = []
    numbers: list[str] = []
    for number in range(naps + whole_naps):
        stage.web()
        play = begin(audience)
        with Watch(stage, play):
            numbers.append(_nap(stage, play, hurry=number < naps))
        broken += play.broken
        stage.clear()
    return Result("; ".join(numbers), broken)


def _nap(stage: Stage, play: Play, *, hurry: bool) -> str:
    """Stop the only worker in the middle, let another finish, wake the first; return what was seen."""
    play.pace(stage, seconds=10)
    lease = {} if hurry else {"SENDING_LEASE_SECONDS": str(claims.LEASE_SECONDS)}
    sleeper = stage.worker(**lease)
    while play.counts()["sent"] < play.audience // 10:
        time.sleep(0.1)
    time.sleep(random.uniform(0.0, 2.0))
    sleeper.process.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    stage.relay.pace(0)
    stage.worker(**lease)
    play.finish(TAKEN_OVER_SECONDS, stage.hurry if hurry else None)
    over_after = time.monotonic() - stopped_at
    doubt = play.counts()["in_doubt"]
    woken_at = time.monotonic()
    sleeper.process.send_signal(signal.SIGCONT)
    time.sleep(WATCHED_SECONDS)
    play.finish(TAKEN_OVER_SECONDS, stage.hurry)
    seen = stage.relay.seen()
    # On a connection of before: what it may have claimed anew since it woke goes on new ones.
    old = {connection for connection, opened_at in seen.opened.items() if opened_at < stopped_at}
    for what, mails in ("began", seen.begun), ("finished", seen.taken):
        late = sum(mail.clock > woken_at and mail.connection in old for to in play.links for mail in mails[to])
        play.check(not late, f"who woke {what} {late} mails")
    play.check(sleeper.process.poll() is None, "who woke did not survive")
    most = PER_CONNECTION * stage.app.config["SENDING_CONNECTIONS"]
    play.check(doubt <= most, f"{doubt} in doubt")
    found = account(stage.relay, play)
    return f"over after {over_after:.0f} s, {doubt} in doubt, {found.states['in_doubt']} still when awake"
