"""Recipients: bring in, take out, forget."""

import sys
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import click

from newsletter.commands.base import Finding, WrongCall, for_people, say, why, with_a_reason
from newsletter.mail import address
from newsletter.optin import restraint
from newsletter.recipients import exporting, forgetting, importing, newsletters, reading
from newsletter.staff import audit, looks

EVIDENCE = "How, when and to what did these people agree? (This text stands in their receipts.)"
WRITERS: dict[str, Callable[[Iterator[exporting.Row], TextIO], int]] = {
    "csv": exporting.write_csv,
    "json": exporting.write_json,
}


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, metavar="SLUG", help="The newsletter's short name.")
@click.option("--consent", metavar="TEXT", help="The evidence: how, when and to what these people agreed.")
@for_people
def import_recipients(file: Path, slug: str, consent: str | None) -> None:
    """Import confirmed recipients from a CSV file, and print how many.

    The file is UTF-8, with comma or semicolon. Its first line names the columns: email, and any of salutation
    (ms or mr), title, first_name, last_name, language (de or en) and measured (true or false).

    Who has left is not brought back, and nobody is mailed. Lines that can't be used are listed (exit code 1);
    the others are imported.
    """
    newsletter = newsletters.by_slug(slug)
    summary = importing.run(newsletter, reading.rows(file), _evidence(consent), _complain)
    audit.note("recipients.import", slug)
    say(
        f"{summary.imported} imported, {summary.subscribed} subscribed already, {summary.twice} more than once in the "
        f"file, {summary.left} have left before and stay away, {summary.wrong} wrong."
    )
    click.echo(summary.imported)
    if summary.wrong:
        raise Finding(f"{summary.wrong} of the lines can't be used.")


def _evidence(consent: str | None) -> str:
    if consent is not None:
        return consent
    if not sys.stdin.isatty():
        raise WrongCall("Please say with --consent how, when and to what these people agreed.")
    return str(click.prompt(EVIDENCE, err=True))


def _complain(line: int, reason: str) -> None:
    say(f"line {line}: {reason}")


@click.command("export")
@click.option("--newsletter", "slug", required=True, metavar="SLUG", help="The newsletter's short name.")
@click.option("--format", "form", type=click.Choice(list(WRITERS)), default="csv", show_default=True)
@with_a_reason
@for_people
def export_recipients(slug: str, form: str, reason: str | None, remark: str) -> None:
    """Print the recipients of a newsletter."""
    newsletter = newsletters.by_slug(slug)
    looks.note("recipients.export", slug, why(reason, remark))
    # UTF-8 wherever this runs, and line ends as the format wants them.
    file = TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        number = WRITERS[form](exporting.recipients(newsletter), file)
    finally:
        file.flush()
        file.detach()
    say(f"{number} recipients.")


@click.command("forget")
@click.argument("email", metavar="ADDRESS")
@for_people
def forget(email: str) -> None:
    """Erase an address from every newsletter and from waiting mail, and print how many rows went.

    Receipts stay, without the address, until the time for claims is over.
    """
    parsed = address.parse(email)
    number = forgetting.forget(parsed)
    restraint.forget_mails(parsed)
    audit.note("recipients.forget", looks.alias(parsed))
    click.echo(number)
