"""An installation for tests: its environment, as a host would set it, and how an app is let go."""

import os
import sys
from pathlib import Path

from flask import Flask

from newsletter.core import limits, queues
from newsletter.core.db import db
from newsletter.demo.services import free_port
from newsletter.tracking import tracker

SECRET_KEY = "a secret key that only the tests use, of enough characters"


def environment(database_url: str, redis_url: str, mail_port: int) -> dict[str, str]:
    """Return an environment as a host would set it, for `from_env` and for child processes."""
    port = free_port()
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_URL": f"http://localhost:{port}",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(mail_port),
        "MAIL_DEFAULT_SENDER": "Stadtwerke Musterstadt <news@stadtwerke-musterstadt.example>",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SIGNUPS_PER_MINUTE": "0",
        # Tests read the texts as they stand in the code; German has tests of its own.
        "LANGUAGE": "en",
        # Programs of this environment first, and nothing of the developer's own settings.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }


def release(app: Flask) -> None:
    """Close what the app holds open. Inside its context."""
    db.session.remove()
    app.extensions[tracker.EXTENSION].notes.close()
    for engine in db.engines.values():
        engine.dispose()
    queues.redis().close()
    storage = getattr(limits.limiter, "_storage", None)
    if storage is not None and hasattr(storage, "storage"):
        storage.storage.close()
