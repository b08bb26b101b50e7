"""What all commands have in common: English, exit codes, and errors as one clear line."""

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

Function = Callable[..., Any]


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


def say(text: str) -> None:
    """Write a line for the person who called, not for a script."""
    click.echo(text, err=True)
