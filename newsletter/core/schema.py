"""Whether the database has the tables that this code was written for."""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from newsletter.core.db import db


def revisions() -> tuple[set[str], set[str]]:
    """Return at which revisions the database is, and at which it has to be. Raises `SQLAlchemyError`."""
    there = MigrationContext.configure(db.session.connection()).get_current_heads()
    wanted = ScriptDirectory(current_app.extensions["migrate"].directory).get_heads()
    return set(there), set(wanted)
