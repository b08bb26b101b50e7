"""Proving consents, and that nobody has changed the proofs."""

from collections.abc import Callable

import click

from newsletter.commands.base import Finding, WrongCall, for_people, say, why, with_a_reason
from newsletter.core.i18n import LANGUAGES
from newsletter.mail import address
from newsletter.privacy import proof as proofs
from newsletter.privacy import verifying
from newsletter.staff import looks
from newsletter.staff.looks import Why

MOST = 50


@click.command("proof")
@click.argument("email", metavar="[ADDRESS]", required=False)
@click.option("--verify", is_flag=True, help="Check every receipt, text and link of the chain (exit code 1: changed).")
@click.option("--head", default="", metavar="N:SEAL", help="With --verify: an end of the chain that was noted earlier.")
@click.option("--html", is_flag=True, help="As a page to print or to save as PDF.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@with_a_reason
@for_people
def proof(  # one parameter for each option
    email: str | None, verify: bool, head: str, html: bool, language: str, reason: str | None, remark: str
) -> None:
    """Print what is known of the consents given with an address (exit code 1: nothing)."""
    if verify == bool(email) or (head and not verify):
        raise WrongCall("Please give either an address or --verify.")
    if email:
        _print(email, proofs.html if html else proofs.text, language, why(reason, remark))
    else:
        _verify(head)


def _print(email: str, form: Callable[[str, list[proofs.Proof], str], str], language: str, reason: Why | None) -> None:
    email = address.parse(email)
    looks.note("recipients.proof", looks.alias(email), reason)
    found = proofs.of(email)
    if not found:
        raise Finding("There is no receipt for this address.")
    click.echo(form(email, found, language))


def _verify(head: str) -> None:
    number = 0
    for number, problem in enumerate(verifying.problems(head), start=1):
        if number <= MOST:
            click.echo(problem)
    if number:
        raise Finding(f"{number} of the things that were looked at are not as they were written.")
    say("Every receipt, every text and every link of the chain is as it was written. The chain ends at:")
    click.echo(verifying.end())
