"""How often the sign-up form had an address mailed, and which addresses said that it was not them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "confirmation_mail",
        sa.Column("wish", sa.LargeBinary(), nullable=False),
        sa.Column("address_digest", sa.LargeBinary(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_confirmation_mail_newsletter_id_newsletter"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("wish", name=op.f("pk_confirmation_mail")),
    )
    op.create_index("ix_confirmation_mail_address_digest", "confirmation_mail", ["address_digest"])
    op.create_index("ix_confirmation_mail_mailed_at", "confirmation_mail", ["mailed_at"])
    op.create_table(
        "unwanted",
        sa.Column("address_digest", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_digest", name=op.f("pk_unwanted")),
    )
    op.create_index("ix_unwanted_until", "unwanted", ["until"])


def downgrade() -> None:
    op.drop_table("unwanted")
    op.drop_table("confirmation_mail")
