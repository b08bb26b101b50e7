"""The command line of every benchmark: an installation, the sections, one table; `BENCH_JSON=file` also JSON."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import debian
from bench.bench import Bench
from bench.figures import Figure, as_json, table
from bench.installation import installation
from bench.proc import Machine

Section = Callable[[Bench], list[Figure]]


def run(sections: Mapping[str, Section]) -> None:
    """Run the sections that the command line names, or all; print one table of what they found."""
    parser = argparse.ArgumentParser(prog="python -m bench", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"some of: {', '.join(sections)}")
    parser.add_argument("--recipients", type=int, default=100_000, help="of a campaign in the section sending")
    parser.add_argument("--connections", type=numbers, default="1,4,16,32,64", help="to the relay")
    parser.add_argument("--rounds", type=int, default=3, help="how often all take turns; medians count")
    parser.add_argument("--largest", type=int, default=1_000_000, help="recipients of the largest newsletter")
    parser.add_argument("--seconds", type=int, default=4, help="for which each kind of request is sent")
    chosen = parser.parse_args()
    if wrong := set(chosen.sections) - set(sections):
        parser.error(f"there is no section {', '.join(sorted(wrong))}; there are: {', '.join(sections)}")
    # Ended in whatever way, it leaves neither servers nor the data of a million people behind.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("ended"))
    try:
        _measure([sections[name] for name in chosen.sections or sections], chosen)
    except debian.Missing as missing:
        sys.exit(str(missing))


def _print(found: list[Figure]) -> None:
    print(table(found))
    if name := os.environ.get("BENCH_JSON"):
        Path(name).write_text(as_json(found), encoding="utf-8")


def numbers(text: str) -> list[int]:
    """Read whole numbers with commas between them."""
    return [int(word) for word in text.split(",")]


def _measure(sections: list[Section], chosen: argparse.Namespace) -> None:
    # Whatever is missing should be known before the first minutes have passed.
    for name in debian.PACKAGES:
        debian.program(name)
    found: list[Figure] = []
    machine = Machine()
    try:
        with installation() as made:
            bench = Bench(made, chosen)
            for section in sections:
                found += section(bench)
    finally:
        # Also when one of them fails: the minutes before it are not lost.
        found.append(Figure("processor time that others took", machine.others(), "of the machine"))
        _print(found)
