"""What all commands have in common: English, exit codes, and errors as one clear line."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click
import psycopg
from flask.cli import with_appcontext
from redis import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from newsletter.core.errors import Invalid, NewsletterError
from newsletter.core.i18n import speaking
from newsletter.staff.looks import Reason, Why

Function = Callable[..., Any]
REASONS = click.Choice([reason.value for reason in Reason])


class Finding(click.ClickException):
    """Something is not as it should be: exit code 1."""

    exit_code = 1


class WrongCall(click.ClickException):
    """This can't be done as it was asked: exit code 2."""

    exit_code = 2


def for_people(function: Function) -> Function:
    """Run a command inside the app, in English, with the errors of the domains told in one line."""

    @wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        with speaking("en"), told_in_one_line():
            return function(*arguments, **options)

    return with_appcontext(run)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn errors that are expected into a message and an exit code."""
    try:
        yield
    except Invalid as error:
        raise WrongCall(" ".join(error.errors.values())) from None
    except NewsletterError as error:
        raise WrongCall(str(error)) from None
    except (OperationalError, InterfaceError, PoolTimeout):
        raise Finding("The database is away. Is DATABASE_URL right, and the server running?") from None
    except ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            raise
        raise Finding("The database has not the tables it needs. Run: newsletter db upgrade") from None
    except RedisError:
        raise Finding("Redis is away. Is REDIS_URL right, and the server running?") from None


def with_a_reason(command: Function) -> Function:
    """Add the options that say why someone looks at people's data."""
    reason = click.option("--reason", type=REASONS, help="Why; it stands in the audit trail.")
    remark = click.option(
        "--remark", default="", metavar="TEXT", help="More about it; a file number, say, and no name."
    )
    return reason(remark(command))


def why(reason: str | None, remark: str) -> Why | None:
    """Return the reason: as given, or as asked for at a terminal; None where there is nobody to ask."""
    if reason is None and sys.stdin.isatty():
        reason = click.prompt("Why?", type=REASONS, err=True)
    return Why.parse({"reason": reason, "remark": remark}) if reason is not None else None


def say(text: str) -> None:
    """Write a line for the person who called, not for a script."""
    click.echo(text, err=True)
