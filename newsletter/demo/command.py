"""`newsletter demo`, and the step of it that needs the app. Needs none of the demonstration's own packages,
so that the command line works where they are not installed."""

import os
import sys
from importlib.util import find_spec

import click
import flask_migrate
from flask.cli import with_appcontext
from sqlalchemy import select

from newsletter.core.db import db
from newsletter.demo import seed
from newsletter.staff import accounts
from newsletter.staff.models import RoleName, Staff

EMAIL = "demo@stadtwerke-musterstadt.example"
PACKAGES = ("honcho", "aiosmtpd")


@click.group("demo", invoke_without_command=True)
@click.pass_context
def demo(context: click.Context) -> None:
    """Run the whole service here with sample data, as `make run` does."""
    if context.invoked_subcommand is not None:
        return
    if not all(find_spec(name) for name in PACKAGES):
        raise click.UsageError("The demonstration needs more packages: pip install -r requirements-demo.txt")
    os.execv(sys.executable, [sys.executable, "-m", "newsletter.demo"])  # noqa: S606  # become it: it needs no app


@demo.command("prepare", hidden=True)
@with_appcontext
def prepare() -> None:
    """Migrate, fill an empty installation, and print a fresh one-time login of the demonstration's administrator."""
    flask_migrate.upgrade()
    seed.seed()
    staff = db.session.execute(select(Staff).where(Staff.email == EMAIL)).scalar_one_or_none()
    click.echo(accounts.one_time_login_url(staff or accounts.create(EMAIL, RoleName.ADMIN)))
