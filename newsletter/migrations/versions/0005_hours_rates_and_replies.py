"""When and how fast a newsletter is sent; allowances, replies of the relay, refused addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("newsletter", sa.Column("time_zone", sa.String(), server_default="Europe/Berlin", nullable=False))
    op.add_column("newsletter", sa.Column("send_from", sa.String(), server_default="", nullable=False))
    op.add_column("newsletter", sa.Column("send_until", sa.String(), server_default="", nullable=False))
    op.add_column("newsletter", sa.Column("mails_per_second", sa.Integer(), nullable=True))
    op.add_column("campaign", sa.Column("setbacks", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("campaign", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("campaign", sa.Column("last_outcomes", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "allowance",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_allowance")),
    )
    op.create_table(
        "campaign_reply",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_reply_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "code", "status", name=op.f("pk_campaign_reply")),
    )
    op.create_table(
        "refusal",
        sa.Column("recipient_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_refusal_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["recipient.id"], name=op.f("fk_refusal_recipient_id_recipient"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recipient_id", "campaign_id", name=op.f("pk_refusal")),
    )


def downgrade() -> None:
    for table in ("refusal", "campaign_reply", "allowance"):
        op.drop_table(table)
    for name in ("last_outcomes", "not_before", "setbacks"):
        op.drop_column("campaign", name)
    for name in ("mails_per_second", "send_until", "send_from", "time_zone"):
        op.drop_column("newsletter", name)
