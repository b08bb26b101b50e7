"""Proving consents, and that nobody has changed the proofs."""

import click

from newsletter.commands.base import Finding, WrongCall, for_people, say
from newsletter.mail import address
from newsletter.privacy import proof as proofs
from newsletter.privacy import verifying
from newsletter.staff import audit

MOST = 50


@click.command("proof")
@click.argument("email", metavar="[ADDRESS]", required=False)
@click.option("--verify", is_flag=True, help="Check every receipt, text and link of the chain (exit code 1: changed).")
@click.option("--head", default="", metavar="N:SEAL", help="With --verify: an end of the chain that was noted earlier.")
@for_people
def proof(email: str | None, verify: bool, head: str) -> None:
    """Print what is known of the consents given with an address (exit code 1: nothing)."""
    if verify == bool(email) or (head and not verify):
        raise WrongCall("Please give either an address or --verify.")
    if email:
        _print(email)
    else:
        _verify(head)


def _print(email: str) -> None:
    found = proofs.of(address.parse(email))
    audit.note("recipients.proof", "")
    if not found:
        raise Finding("There is no receipt for this address.")
    click.echo("\n\n".join(each.text() for each in found))


def _verify(head: str) -> None:
    number = 0
    for number, problem in enumerate(verifying.problems(head), start=1):
        if number <= MOST:
            click.echo(problem)
    if number:
        raise Finding(f"{number} of the things that were looked at are not as they were written.")
    say("Every receipt, every text and every link of the chain is as it was written. The chain ends at:")
    click.echo(verifying.end())
