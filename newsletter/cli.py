"""The command line `newsletter`: Flask's own group, with our commands and those that migrate the database."""

import os
import sys
from collections.abc import Callable, Mapping

import click
from flask import Flask
from flask.cli import FlaskGroup
from flask_migrate.cli import db

from newsletter.commands import backups, doctor, keys, promises, proof, recipients, staff
from newsletter.config import ConfigError, Settings, from_env
from newsletter.demo.command import demo

COMMANDS: tuple[click.Command, ...] = (
    staff.staff,
    staff.token,
    recipients.import_recipients,
    recipients.export_recipients,
    recipients.forget,
    proof.proof,
    keys.keys,
    promises.promises,
    backups.backup,
    backups.restore,
    backups.journal,
    doctor.doctor,
    demo,
)


def register(app: Flask) -> None:
    """Add the commands to the app, for `flask` and for tests."""
    for command in COMMANDS:
        app.cli.add_command(command)


class Newsletter(FlaskGroup):
    """The group. Its help needs no settings, and names our commands only."""

    def __init__(self, make_app: Callable[[Settings], Flask]) -> None:
        super().__init__(
            name="newsletter",
            help="Newsletters by double opt-in. Settings come from the environment; docs/operating.md lists them.",
            create_app=lambda: make_app(settings_for_commands(os.environ)),
            add_default_commands=False,
            add_version_option=False,
            load_dotenv=False,
            set_debug_flag=False,
            context_settings={"auto_envvar_prefix": "NEWSLETTER"},
        )
        # There is one app here, and its settings come from the environment alone.
        self.params = []
        for command in (*COMMANDS, db):
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of our commands, without loading the app."""
        return click.Group.list_commands(self, ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return one of our commands, without loading the app."""
        return click.Group.get_command(self, ctx, name)


def settings_for_commands(environ: Mapping[str, str]) -> Settings:
    """Return the settings; a command logs from warnings on, unless LOG_LEVEL says otherwise.

    A missing or wrong setting ends the process with exit code 2 and one message that names them all.
    """
    level = environ.get("LOG_LEVEL", "").strip() or "warning"
    try:
        return from_env({**environ, "LOG_LEVEL": level})
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
