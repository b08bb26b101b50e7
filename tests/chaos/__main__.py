"""`python -m tests.chaos [RUN ...] [--kills N] [--seed N]`: one line per run; exit code 1 for a broken promise."""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos import killing, leaving, outages, sleeping, troubling
from tests.chaos.result import Result
from tests.chaos.stage import Stage, set_up

log = logging.getLogger(__name__)

RUNS: dict[str, Callable[..., Result]] = {
    "kills": killing.kills,
    "terms": killing.terms,
    "outages": outages.outages,
    "troubles": troubling.troubles,
    "leaving": leaving.leaving,
    "sleeping": sleeping.sleeping,
}


def main(words: Sequence[str]) -> int:
    """Play the runs that are named, or all."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}; all when none is named")
    parser.add_argument("--kills", type=int, default=200, help="signals of the runs kills and terms")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10_000, help="repeats a run's random choices")
    options = parser.parse_args(words)
    if unknown := set(options.runs) - set(RUNS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    random.seed(options.seed)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="newsletter-chaos-") as home, set_up(Path(home)) as stage:
        return max([_play(stage, name, options.kills) for name in options.runs or RUNS])


def _play(stage: Stage, name: str, kills: int) -> int:
    """Play one run, print its line; return the exit code."""
    share = {
        "kills": {"audience": 100 * kills, "times": kills},
        "terms": {"audience": 100 * kills, "times": kills},
    }
    begun_at = time.monotonic()
    try:
        result = RUNS[name](stage, **share.get(name, {}))
    except Exception:  # the next run goes on all the same
        log.exception("the run %s failed", name)
        result = Result("did not come to its end", ["an error of its own"])
    stage.clear()
    verdict = f"BROKEN: {'; '.join(result.broken)}" if result.broken else "ok"
    print(f"{name:<10}{verdict}\n          {result.numbers} [{time.monotonic() - begun_at:.0f} s]", flush=True)
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
