"""The command line `newsletter`."""

import sys

from flask import Flask
from flask.cli import FlaskGroup


def register(app: Flask) -> None:
    """Add the commands to the app."""


def main() -> None:
    """Run the command line."""
    from newsletter.app import create_app

    FlaskGroup(create_app=create_app)(sys.argv[1:])
