"""Tables of staff: accounts and roles (Flask-Security's fields), API tokens."""

from datetime import datetime
from enum import StrEnum

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import Column, ForeignKey, Table, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.core.db import Model, kept, metadata


class RoleName(StrEnum):
    """What an account may do: `marketing` works with newsletters and campaigns, `admin` also with accounts."""

    MARKETING = "marketing"
    ADMIN = "admin"


staff_role = Table(
    "staff_role",
    metadata,
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
    info={"retention": "accounts"},
)


class Role(Model, RoleMixin):
    """One of `RoleName`."""

    __tablename__ = "role"
    __table_args__ = kept("installation")

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str | None]


class Staff(Model, UserMixin):
    """A member of the marketing staff or an administrator. `email` and `password` are Flask-Security's names."""

    __tablename__ = "staff"
    __table_args__ = kept("accounts")

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    create_datetime: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]  # the mixin wants a list of mixins
        secondary=staff_role, lazy="selectin"
    )


class ApiToken(Model):
    """A bearer token of the API; only its digest is stored."""

    __tablename__ = "api_token"
    __table_args__ = kept("tokens")

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
