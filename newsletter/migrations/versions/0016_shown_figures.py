"""Figures move in steps of people: what was shown last stands in a table of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shown_figure",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("link", sa.Integer(), nullable=False),
        sa.Column("unique", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("unique_before", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_before", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_shown_figure_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "link", name=op.f("pk_shown_figure")),
    )
    op.execute("""
        INSERT INTO shown_figure (campaign_id, link, "unique", total)
        SELECT campaign_id, link, sum("unique"), sum(total) FROM tally GROUP BY campaign_id, link
    """)


def downgrade() -> None:
    op.drop_table("shown_figure")
