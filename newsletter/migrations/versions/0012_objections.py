"""An objection acts on mails sent already: who objected, until it is seen to, and which pseudonyms are not counted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "objection",
        sa.Column("recipient_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_objection_newsletter_id_newsletter"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recipient_id", name=op.f("pk_objection")),
    )
    op.create_table(
        "silenced",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_silenced_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "pseudonym", name=op.f("pk_silenced")),
    )


def downgrade() -> None:
    op.drop_table("silenced")
    op.drop_table("objection")
