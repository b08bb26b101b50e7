"""A recipient may have the processing of their data restricted (Art. 18 GDPR): kept, and not used."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipient", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))
    # Small: it holds the few that are restricted, to count them.
    op.create_index(
        "ix_recipient_restricted",
        "recipient",
        ["newsletter_id"],
        postgresql_where=sa.text("restricted_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_recipient_restricted", "recipient")
    op.drop_column("recipient", "restricted_at")
