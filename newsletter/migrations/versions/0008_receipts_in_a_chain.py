"""Receipts are sealed, and stand in a chain of links; privacy statement and imprint have versions."""

import hmac
import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from newsletter.core.keys import keyring

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SEALED = (
    "newsletter_slug", "address_digest", "signup_digest", "consent_wording", "privacy_wording", "language", "source",
    "method", "measurement", "requested_at", "mailed_at", "confirmed_at",
)  # fmt: skip
CLOSED = ("id", "closed_at", "close_reason", "delete_after")


def upgrade() -> None:
    op.add_column("receipt", sa.Column("seal", sa.LargeBinary(), nullable=True))
    op.add_column("receipt", sa.Column("closing_seal", sa.LargeBinary(), nullable=True))
    op.add_column("receipt", sa.Column("written_link", sa.BigInteger(), nullable=True))
    op.add_column("receipt", sa.Column("closed_link", sa.BigInteger(), nullable=True))
    op.create_table(
        "receipt_link",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_receipt_link")),
    )
    op.create_table(
        "receipt_tombstone",
        sa.Column("receipt_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("written_link", sa.BigInteger(), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("closed_link", sa.BigInteger(), nullable=True),
        sa.Column("closing_seal", sa.LargeBinary(), nullable=True),
        sa.Column("tombstone_seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipt_tombstone")),
    )
    for name in ("written_link", "closed_link"):
        op.create_index(op.f(f"ix_receipt_tombstone_{name}"), "receipt_tombstone", [name])
    op.create_table(
        "document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wording", sa.LargeBinary(), nullable=False),
        sa.Column("in_force_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["wording"], ["wording.digest"], name=op.f("fk_document_wording_wording")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("kind", "language", "version", name=op.f("uq_document_kind_language_version")),
    )
    _seal_what_is_there()
    op.alter_column("receipt", "seal", nullable=False)
    op.create_index("ix_receipt_written_unlinked", "receipt", ["id"], postgresql_where=sa.text("written_link IS NULL"))
    op.create_index(
        "ix_receipt_closed_unlinked",
        "receipt",
        ["id"],
        postgresql_where=sa.text("closing_seal IS NOT NULL AND closed_link IS NULL"),
    )


def _seal_what_is_there() -> None:
    """Seal the receipts of before, a thousand at a time; a worker links them then."""
    connection, last = op.get_bind(), 0
    update = sa.text("UPDATE receipt SET seal = :seal, closing_seal = :closing_seal WHERE id = :id")
    columns = ", ".join(["id", *SEALED, *CLOSED[1:]])
    some = sa.text(f"SELECT {columns} FROM receipt WHERE id > :last ORDER BY id LIMIT 1000")  # noqa: S608
    while True:
        rows = connection.execute(some, {"last": last}).mappings().all()
        if not rows:
            return
        connection.execute(
            update,
            [
                {
                    "id": row["id"],
                    "seal": _seal("written", [row[name] for name in SEALED]),
                    "closing_seal": _seal("closed", [row[name] for name in CLOSED]) if row["closed_at"] else None,
                }
                for row in rows
            ],
        )
        last = rows[-1]["id"]


def _seal(what: str, values: list[Any]) -> bytes:
    message = json.dumps([what, "", *map(_plain, values)], separators=(",", ":"))
    return hmac.digest(keyring().derive("receipt.seal"), message.encode(), "sha256")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.hex() if isinstance(value, bytes) else value


def downgrade() -> None:
    op.drop_index("ix_receipt_closed_unlinked", table_name="receipt")
    op.drop_index("ix_receipt_written_unlinked", table_name="receipt")
    op.drop_table("document")
    op.drop_table("receipt_tombstone")
    op.drop_table("receipt_link")
    for name in ("closed_link", "written_link", "closing_seal", "seal"):
        op.drop_column("receipt", name)
