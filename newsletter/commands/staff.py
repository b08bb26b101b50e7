"""Accounts of the staff and tokens of the API."""

import click

from newsletter.commands.base import WrongCall, for_people, say
from newsletter.core.errors import NotFound
from newsletter.mail import address
from newsletter.staff import accounts, tokens
from newsletter.staff.models import RoleName, Staff

LINK = "This link lets {email} choose a password, once, within 24 hours:"


@click.group()
def staff() -> None:
    """Accounts of marketing staff and administrators."""


@staff.command("create")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice([role.value for role in RoleName]))
@for_people
def create_staff(email: str, role: str) -> None:
    """Make an account and print its one-time login."""
    account = accounts.create(email, role)
    say(LINK.format(email=account.email))
    click.echo(accounts.one_time_login_url(account))


@staff.command("link")
@click.argument("email")
@for_people
def link(email: str) -> None:
    """Print a new one-time login for an account that has none, or whose password is lost."""
    account = _account(email)
    say(LINK.format(email=account.email))
    click.echo(accounts.one_time_login_url(account))


@staff.command("list")
@for_people
def list_staff() -> None:
    """Print every account: address, roles, and whether it is open."""
    for account in accounts.every():
        roles = ",".join(sorted(role.name for role in account.roles))
        click.echo(f"{account.email}\t{roles}\t{'open' if account.active else 'closed'}")


def _account(email: str) -> Staff:
    wanted = address.parse(email).lower()
    for account in accounts.every():
        if account.email == wanted:
            return account
    raise WrongCall("There is no account with this address.")


@click.group()
def token() -> None:
    """Bearer tokens of the JSON API."""


@token.command("create")
@click.argument("name")
@for_people
def create_token(name: str) -> None:
    """Make a token and print it. It can't be shown again."""
    click.echo(tokens.create(name))


@token.command("list")
@for_people
def list_tokens() -> None:
    """Print the name of every token, and when it was last used."""
    for each in tokens.every():
        used = each.last_used_at.isoformat(timespec="seconds") if each.last_used_at else "never"
        click.echo(f"{each.name}\t{used}")


@token.command("revoke")
@click.argument("name")
@for_people
def revoke_token(name: str) -> None:
    """Delete a token: the next call with it is refused."""
    found = [each.id for each in tokens.every() if each.name == name]
    if not found:
        raise NotFound("There is no such token.")
    tokens.revoke(found[0])
