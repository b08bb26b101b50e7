"""The command line of every benchmark: an installation, the sections, one table; `BENCH_JSON=file` also JSON."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import debian
from bench.figures import Figure, as_json, table
from bench.installation import Installation, installation

Progress = Callable[[str], None]
Section = Callable[[Installation, argparse.Namespace, Progress], list[Figure]]
OK, WRONG_CALL = 0, 2


def run(sections: Mapping[str, Section], *options: Callable[[argparse.ArgumentParser], None]) -> None:
    """Run the sections that the command line names, or all; print one table of what they found."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of: {', '.join(sections)}; default: all")
    for add in options:
        add(parser)
    chosen = parser.parse_args()
    if wrong := set(chosen.sections) - set(sections):
        parser.error(f"there is no section {', '.join(sorted(wrong))}; there are: {', '.join(sections)}")
    try:
        found = _measure([sections[name] for name in chosen.sections or sections], chosen)
    except debian.Missing as missing:
        sys.exit(f"{missing}")
    print(table(found))
    if name := os.environ.get("BENCH_JSON"):
        Path(name).write_text(as_json(found), encoding="utf-8")


def _measure(sections: list[Section], chosen: argparse.Namespace) -> list[Figure]:
    for name in debian.PACKAGES:
        debian.program(name)
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {text}", file=sys.stderr, flush=True)

    with installation() as made:
        return [figure for section in sections for figure in section(made, chosen, progress)]
