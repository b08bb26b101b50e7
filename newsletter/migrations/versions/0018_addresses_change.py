"""A recipient may change the address; a mail to one address may be counted for no newsletter in particular."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipient", sa.Column("address_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("confirmation_mail", "newsletter_id", nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM confirmation_mail WHERE newsletter_id IS NULL")
    op.alter_column("confirmation_mail", "newsletter_id", nullable=False)
    op.drop_column("recipient", "address_changed_at")
