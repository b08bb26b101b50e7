"""Changing SECRET_KEY while the service runs: seal everything anew, and say what still needs an older key."""

import click

from newsletter.commands.base import Finding, for_people, say
from newsletter.core import kept_keys, rfc3339
from newsletter.core.db import utcnow
from newsletter.rotation import resealing, standing
from newsletter.rotation.resealing import Step

EACH = 10_000
"""So many values make a line of progress."""


@click.group()
def keys() -> None:
    """The keys that are derived from SECRET_KEY."""


@keys.command("rotate")
@for_people
def rotate() -> None:
    """Seal everything anew with the present SECRET_KEY; what was sealed with SECRET_KEY_FALLBACKS is opened for it.

    Web and worker go on meanwhile. It may be ended at any moment and called again: it goes on where it was. Prints how
    many values were sealed anew (exit code 1: some could not be).
    """
    say(f"{kept_keys.keep_older()} keys are kept from now on, to recognise old links and receipts.")
    done: dict[str, int] = {}
    for step in resealing.reseal():
        before = done.get(step.column.name, 0)
        done[step.column.name] = before + step.done
        _progress(step, before, done[step.column.name])
    for name, number in done.items():
        say(f"{name}: {number} sealed anew")
    click.echo(sum(done.values()))
    _conclude()


def _progress(step: Step, before: int, now: int) -> None:
    if before // EACH != now // EACH:
        say(f"{step.column.name}: {now} sealed anew, up to row {step.last}")


@keys.command("show")
@for_people
def show() -> None:
    """Print what is sealed with which key: column, present key, older keys, keys that are missing (exit code 1)."""
    for each in standing.every():
        click.echo(f"{each.column.name}\t{each.current}\t{each.older}\t{each.missing}")
    _conclude()


def _conclude() -> None:
    """Say what is left, and until when the older keys have to stay."""
    stand = standing.every()
    older, missing = sum(each.older for each in stand), sum(each.missing for each in stand)
    if missing:
        raise Finding(
            f"{missing} values need a key that is neither SECRET_KEY nor in SECRET_KEY_FALLBACKS. Put it there."
        )
    if older:
        raise Finding(
            f"{older} values are sealed with an older key (somebody may just hold them): newsletter keys rotate."
        )
    free_from = standing.needless_from()
    if free_from is None:
        say("Nothing needs SECRET_KEY_FALLBACKS.")
    elif free_from <= utcnow():
        say("Nothing needs SECRET_KEY_FALLBACKS any more: it may be emptied now.")
    else:
        say(f"Keep SECRET_KEY_FALLBACKS until {rfc3339.show(free_from)}: until then links to confirm need it.")
