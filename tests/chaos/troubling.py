"""The relay drops connections, or says nothing any more, at each phase of a mail."""

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.play import Play, account, begin
from tests.chaos.result import Result
from tests.chaos.seen import RelayProcess
from tests.chaos.stage import Stage
from tests.chaos.troubles import Phase

WORKERS = 4
EVERY, TIMES = 15, 3
LONG = "# A long one\n\n" + "Much has happened in our town, and all of it is told here. " * 5_000
WITH_LONG_MAILS = (Phase.AFTER_354, Phase.IN_CONTENT)
"""A short one is handed to the operating system whole, and who sent it can't know whether its dot arrived. A long one
does not go into the buffers, if it is the first on its connection: they grow."""
PATIENCE_SECONDS = 200.0
Trouble = tuple[Phase, str]


def troubles(stage: Stage, *, audience: int = 60, acts: tuple[str, ...] = ("drop", "hang")) -> Result:
    """Each mail has the right fate: only one that broke after its dot is in doubt, all others are sent, once."""
    with TemporaryDirectory(dir=stage.home) as home:
        relay = RelayProcess(Path(home) / "relay.log", narrow=True)
        try:
            return _troubles(stage, relay, audience, list(product(Phase, acts)))
        finally:
            stage.clear()
            relay.stop()


def _troubles(stage: Stage, relay: RelayProcess, audience: int, kinds: list[Trouble]) -> Result:
    plays: dict[Trouble, Play] = {}
    for phase, act in kinds:
        long = phase in WITH_LONG_MAILS
        text = {"markdown": LONG} if long else {}
        play = plays[phase, act] = begin(audience, f"{act}-{phase}".replace(" ", "-").lower(), **text)
        relay.trouble(phase, act, domain=play.domain, every=1 if long else EVERY, times=TIMES)
    for _ in range(WORKERS):
        stage.worker(MAIL_PORT=str(relay.port))
    broken: list[str] = []
    for trouble, play in plays.items():
        play.finish(PATIENCE_SECONDS, stage.hurry)
        _judge(relay, trouble, play)
        broken += [f"{trouble[1]} {trouble[0]}: {words}" for words in play.broken]
    numbers = f"{len(plays)} troubles, {TIMES} times each, in campaigns of {audience} mails"
    return Result(numbers, broken)


def _judge(relay: RelayProcess, trouble: Trouble, play: Play) -> None:
    account(relay, play)
    seen, states = relay.seen(), play.states()
    struck = {email for email in states if seen.struck[email]}
    doubted = {email for email, state in states.items() if state == "in_doubt"}
    play.check(len(struck) == TIMES, f"struck {len(struck)} times instead of {TIMES}")
    right = struck if trouble[0] is Phase.AFTER_DOT else set()
    play.check(doubted == right, f"{len(doubted)} in doubt, {len(doubted & right)} of them rightly, of {len(right)}")
