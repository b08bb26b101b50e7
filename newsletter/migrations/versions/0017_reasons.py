"""The audit trail says why someone looked at a person's data."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_entry", sa.Column("reason", sa.String(), nullable=True))
    op.add_column("audit_entry", sa.Column("remark", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("audit_entry", "remark")
    op.drop_column("audit_entry", "reason")
