"""What retention has deleted; when an account was closed, and a campaign's deliveries shrank; the last checks."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_run",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_retention_run")),
    )
    op.create_table(
        "promise_check",
        sa.Column("promise", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("promise", name=op.f("pk_promise_check")),
    )
    op.add_column("campaign", sa.Column("shrunk_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("staff", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    # Nobody knows when these were closed: their time begins now.
    op.execute("UPDATE staff SET closed_at = now() WHERE NOT active")


def downgrade() -> None:
    op.drop_column("staff", "closed_at")
    op.drop_column("campaign", "shrunk_at")
    op.drop_table("promise_check")
    op.drop_table("retention_run")
