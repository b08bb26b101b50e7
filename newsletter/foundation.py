"""What every process stands on, web and worker alike: settings, logs, database, keys, queues, languages, the relay."""

import logging
import os
import sys
from pathlib import Path

from flask import Flask

from newsletter.config import ConfigError, Settings, from_env
from newsletter.core import i18n, kept_keys, keys, logs, pool, queues
from newsletter.core.db import db
from newsletter.mail import relays

ROOT = Path(__file__).resolve().parent.parent


def make_app(settings: Settings | None = None) -> Flask:
    """Return an application without any page, from `settings` or else the environment: all that jobs need.

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
    db.init_app(app)
    for piece in (pool, keys, kept_keys, queues, i18n, relays):
        piece.init_app(app)
    logging.getLogger(__name__).info("started")
    return app
