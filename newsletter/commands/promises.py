"""The promises, checked on the running installation."""

from pathlib import Path

import click

from newsletter.commands.base import Finding, for_people
from newsletter.promises import every


@click.command("promises")
@click.option(
    "--logs",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A log file, or a directory of *.log, to look through for addresses (NEWSLETTER_PROMISES_LOGS).",
)
@for_people
def promises(logs: tuple[Path, ...]) -> None:
    """Check P1 to P10 on this installation: say what was looked at, found, and can't be seen.

    Exit code 1 when one is broken. What held stands on the privacy page afterwards.
    """
    broken = []
    for check in every.check(logs):
        click.echo(f"{'kept  ' if check.held else 'BROKEN'}  P{check.number} {check.promise}")
        click.echo(f"        looked at: {'; '.join(dict.fromkeys(check.looked))}")
        for line in check.found:
            click.echo(f"        FOUND: {line}")
        click.echo(f"        can't see: {check.unseen}")
        if not check.held:
            broken.append(f"P{check.number}")
    if broken:
        raise Finding(f"Broken: {', '.join(broken)}.")
