"""The application factory: the pieces that serve pages, and the routes of each domain."""

import gc

from flask import Flask
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.orm import configure_mappers

from newsletter import api, cli, health, pages, web
from newsletter.campaigns import editor_routes as editor
from newsletter.campaigns import routes as campaigns
from newsletter.config import Settings
from newsletter.contact import routes as contact
from newsletter.core import bells, limits, scheduling
from newsletter.core.db import db
from newsletter.foundation import ROOT, make_app
from newsletter.mailbox import routes as mailbox
from newsletter.optin import offers, pressure, tally
from newsletter.optin import routes as optin
from newsletter.optin import staff_routes as brake
from newsletter.promises import routes as promises
from newsletter.recipients import consent_routes as consents
from newsletter.recipients import lookup_routes as lookup
from newsletter.recipients import routes as recipients
from newsletter.recipients import staff_routes as newsletters
from newsletter.recipients import text_routes as texts
from newsletter.recipients import wsgi as one_click
from newsletter.recovery import wsgi as recovery
from newsletter.staff import accounts
from newsletter.staff import routes as staff
from newsletter.tracking import wsgi as tracking

csrf = CSRFProtect()
migrate = Migrate()


def create_app(settings: Settings | None = None) -> Flask:
    """Return the WSGI application, from `settings` or else the environment; ends the process as `make_app` does."""
    app = make_app(settings)
    _set_up(app)
    _register(app)
    return app


def create_web_app() -> Flask:
    """Return the application for a process that only serves it, from the environment.

    It rings for its mail in the background. Mappers and the first connection to the database are made before anybody
    waits for them. What was made so far stays, and is taken out of the garbage collector's sight: it would now and then
    look through all of it, a tenth of a second in which nobody is answered.
    """
    scheduling.interrupt_nobody()  # before any thread is started
    app = create_app()
    bells.gather(app)
    configure_mappers()
    recovery.look_ahead(app)
    gc.collect()
    gc.freeze()
    return app


def _set_up(app: Flask) -> None:
    migrate.init_app(app, db, directory=str(ROOT / "newsletter" / "migrations"))
    limits.init_app(app)
    tally.init_app(app)
    pressure.init_app(app)
    offers.init_app(app)
    brake.init_app(app)
    # First of those that look at a request: the check of CSRF would already read the form.
    web.init_app(app)
    csrf.init_app(app)
    accounts.init_app(app)
    one_click.init_app(app)
    # In front of whatever needs the database.
    recovery.init_app(app)
    tracking.init_app(app)


def _register(app: Flask) -> None:
    public = (pages.bp, optin.bp, recipients.bp, mailbox.bp, contact.bp, health.bp)
    domains = (newsletters.bp, consents.bp, texts.bp, lookup.bp, editor.bp, campaigns.bp)
    for blueprint in (*public, staff.bp, promises.bp, brake.bp, *domains):
        app.register_blueprint(blueprint)
    # The token in the link is the permission there; CSRF protection guards sessions, and these have none.
    for blueprint in (optin.bp, recipients.bp, mailbox.bp, contact.bp):
        csrf.exempt(blueprint)
    api.init_app(app, csrf)
    cli.register(app)
