"""Newsletters with recipients, receipts and departures; campaigns."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "newsletter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("language", sa.String(), server_default="de", nullable=False),
        sa.Column("from_name", sa.String(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=False),
        sa.Column("reply_to", sa.String(), server_default="", nullable=False),
        sa.Column("imprint", sa.String(), server_default="", nullable=False),
        sa.Column("consent_text", sa.String(), server_default="", nullable=False),
        sa.Column(
            "measurement",
            sa.Enum("all", "ask", "off", name="measurement", native_enum=False, length=16),
            server_default="all",
            nullable=False,
        ),
        sa.Column("accent", sa.String(), server_default="#0b5c8a", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter")),
        sa.UniqueConstraint("slug", name=op.f("uq_newsletter_slug")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), server_default="", nullable=False),
        sa.Column("preheader", sa.String(), server_default="", nullable=False),
        sa.Column("markdown", sa.String(), server_default="", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "scheduled",
                "sending",
                "paused",
                "sent",
                "cancelled",
                name="campaignstate",
                native_enum=False,
                length=16,
            ),
            server_default="draft",
            nullable=False,
        ),
        sa.Column("pause_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_campaign_newsletter_id_newsletter"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_index(op.f("ix_campaign_newsletter_id"), "campaign", ["newsletter_id"], unique=False)
    op.create_index(op.f("ix_campaign_state"), "campaign", ["state"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=True),
        sa.Column("newsletter_slug", sa.String(), nullable=False),
        sa.Column("address_digest", sa.LargeBinary(), nullable=False),
        sa.Column("signup_digest", sa.LargeBinary(), nullable=False),
        sa.Column("consent_wording", sa.LargeBinary(), nullable=False),
        sa.Column("privacy_wording", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("measurement", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["consent_wording"], ["wording.digest"], name=op.f("fk_receipt_consent_wording_wording")
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_receipt_newsletter_id_newsletter"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["privacy_wording"], ["wording.digest"], name=op.f("fk_receipt_privacy_wording_wording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("signup_digest", name=op.f("uq_receipt_signup_digest")),
    )
    op.create_index(op.f("ix_receipt_address_digest"), "receipt", ["address_digest"], unique=False)
    op.create_table(
        "departure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("day", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_departure_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_departure_newsletter_id_newsletter"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departure")),
        sa.UniqueConstraint(
            "newsletter_id",
            "campaign_id",
            "day",
            "way",
            name=op.f("uq_departure_newsletter_id_campaign_id_day_way"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "recipient",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("address_digest", sa.LargeBinary(), nullable=True),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("link_key", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("measured", sa.Boolean(), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_recipient_newsletter_id_newsletter"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipt.id"], name=op.f("fk_recipient_receipt_id_receipt"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient")),
        sa.UniqueConstraint("link_key", name=op.f("uq_recipient_link_key")),
    )
    op.create_index(
        op.f("uq_recipient_newsletter_id_address_digest"),
        "recipient",
        ["newsletter_id", "address_digest"],
        unique=True,
        postgresql_where=sa.text("address_digest IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_recipient_tombstone"), "recipient", ["id"], postgresql_where=sa.text("address_sealed IS NULL")
    )
    op.create_index(op.f("ix_recipient_address_digest"), "recipient", ["address_digest"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_recipient_address_digest"), table_name="recipient")
    op.drop_index(op.f("ix_recipient_tombstone"), table_name="recipient")
    op.drop_index(op.f("uq_recipient_newsletter_id_address_digest"), table_name="recipient")
    op.drop_table("recipient")
    op.drop_table("departure")
    op.drop_index(op.f("ix_receipt_address_digest"), table_name="receipt")
    op.drop_table("receipt")
    op.drop_index(op.f("ix_campaign_state"), table_name="campaign")
    op.drop_index(op.f("ix_campaign_newsletter_id"), table_name="campaign")
    op.drop_table("campaign")
    op.drop_table("newsletter")
