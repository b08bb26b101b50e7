"""Facts of this installation that must outlive a change of SECRET_KEY: one row, made by the first migration."""

from datetime import datetime

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, db, kept


class Installation(Model):
    """The single row. `public_id_salt` spells the ids in links of mails that lie in mailboxes for years.

    `in_use_at` is moved on all the time, here and then in Redis: a database that was set back is behind (`journal`).
    """

    __tablename__ = "installation"
    __table_args__ = kept("installation")

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id_salt: Mapped[str]
    in_use_at: Mapped[datetime | None]


def public_id_salt() -> str:
    """Return the salt, read once per process."""
    cache = current_app.extensions.setdefault("newsletter-installation", {})
    if "salt" not in cache:
        cache["salt"] = db.session.execute(select(Installation.public_id_salt)).scalar_one()
    salt: str = cache["salt"]
    return salt
