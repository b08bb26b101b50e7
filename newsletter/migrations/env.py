"""Run migrations over the app's own engine. Release phases overlap on some platforms: an advisory lock
lets one migrate and the others wait."""

from alembic import context
from sqlalchemy import text

from newsletter.campaigns import models as _campaigns  # noqa: F401  # every table must be known here
from newsletter.core import installation as _installation  # noqa: F401
from newsletter.core import periodic as _periodic  # noqa: F401
from newsletter.core.db import db, metadata
from newsletter.journal import models as _journal  # noqa: F401
from newsletter.mail import models as _mail  # noqa: F401
from newsletter.privacy import models as _privacy  # noqa: F401
from newsletter.recipients import models as _recipients  # noqa: F401
from newsletter.staff import models as _staff  # noqa: F401
from newsletter.tracking import models as _tracking  # noqa: F401

LOCK = 0x6E6C6D69  # "nlmi"


def run() -> None:
    """Migrate in one transaction per connection."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=False,
            transaction_per_migration=True,
        )
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()


run()
