"""The application factory: settings, the pieces, the routes of each domain."""

import logging
import os
import sys
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect

from newsletter import api, cli, health, pages, web
from newsletter.campaigns import editor_routes as editor
from newsletter.campaigns import routes as campaigns
from newsletter.config import ConfigError, Settings, from_env
from newsletter.core import i18n, keys, limits, logs, queues
from newsletter.core.db import db
from newsletter.mail import transport
from newsletter.optin import routes as optin
from newsletter.recipients import routes as recipients
from newsletter.recipients import staff_routes as newsletters
from newsletter.staff import accounts
from newsletter.staff import routes as staff
from newsletter.tracking import wsgi as tracking

ROOT = Path(__file__).resolve().parent.parent
csrf = CSRFProtect()
migrate = Migrate()


def create_app(settings: Settings | None = None) -> Flask:
    """Return the WSGI application, from `settings` or else the environment.

    A missing or wrong setting ends the process with exit code 2 and one message that names them all.
    """
    try:
        settings = settings or from_env(os.environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    logs.configure(settings["LOG_LEVEL"])
    app = Flask("newsletter", root_path=str(ROOT / "newsletter"), template_folder=str(ROOT / "templates"))
    app.config.from_mapping(settings)
    _set_up(app)
    _register(app)
    logging.getLogger(__name__).info("started")
    return app


def _set_up(app: Flask) -> None:
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "newsletter" / "migrations"))
    for piece in (keys, queues, i18n, limits, transport):
        piece.init_app(app)
    # First of those that look at a request: the check of CSRF would already read the form.
    web.init_app(app)
    csrf.init_app(app)
    accounts.init_app(app)
    tracking.init_app(app)


def _register(app: Flask) -> None:
    for blueprint in (pages.bp, optin.bp, recipients.bp, health.bp, staff.bp, newsletters.bp, editor.bp, campaigns.bp):
        app.register_blueprint(blueprint)
    # The token in the link is the permission there; CSRF protection guards sessions, and these have none.
    for blueprint in (optin.bp, recipients.bp):
        csrf.exempt(blueprint)
    api.init_app(app, csrf)
    cli.register(app)
