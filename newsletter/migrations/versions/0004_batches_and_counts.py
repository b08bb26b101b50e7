"""Claims stand in batches, and how many deliveries are in a state is kept instead of counted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNT = """
CREATE FUNCTION count_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO delivery_count (campaign_id, state, slot, number)
        SELECT campaign_id, state, pg_backend_pid() % 64, count(*)
        FROM after GROUP BY campaign_id, state ORDER BY campaign_id, state
        ON CONFLICT (campaign_id, state, slot) DO UPDATE SET number = delivery_count.number + excluded.number;
    ELSE
        INSERT INTO delivery_count (campaign_id, state, slot, number)
        SELECT campaign_id, state, pg_backend_pid() % 64, sum(one)
        FROM (SELECT campaign_id, state, 1 AS one FROM after
              UNION ALL SELECT campaign_id, state, -1 FROM before) AS moved
        GROUP BY campaign_id, state HAVING sum(one) <> 0 ORDER BY campaign_id, state
        ON CONFLICT (campaign_id, state, slot) DO UPDATE SET number = delivery_count.number + excluded.number;
    END IF;
    RETURN NULL;
END $$
"""
TRIGGERS = """
CREATE TRIGGER count_inserted AFTER INSERT ON delivery
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_deliveries();
CREATE TRIGGER count_moved AFTER UPDATE ON delivery
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_deliveries()
"""


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wired_through", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_batch_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_lease_until", "batch", ["lease_until"])
    op.create_table(
        "delivery_count",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_delivery_count_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "state", "slot", name=op.f("pk_delivery_count")),
    )
    op.create_table(
        "progress_mark",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_progress_mark_campaign_id_campaign"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "at", name=op.f("pk_progress_mark")),
    )
    op.add_column("delivery", sa.Column("batch_id", sa.BigInteger(), nullable=True))
    # Whatever a worker of the last version holds: nobody knows it any more once its lease is gone.
    op.execute(
        "UPDATE delivery SET state = CASE WHEN wired_at IS NULL THEN 'queued' ELSE 'in_doubt' END"
        " WHERE state = 'claimed'"
    )
    op.execute(
        "INSERT INTO delivery_count (campaign_id, state, slot, number)"
        " SELECT campaign_id, state, 0, count(*) FROM delivery GROUP BY campaign_id, state"
    )
    op.execute(COUNT)
    op.execute(TRIGGERS)
    op.drop_index("ix_delivery_due", table_name="delivery")
    op.drop_index("ix_delivery_lease", table_name="delivery")
    op.drop_index("ix_delivery_state", table_name="delivery")
    op.drop_column("delivery", "lease_until")
    op.drop_column("delivery", "wired_at")
    for name, columns, state in INDEXES:
        op.create_index(name, "delivery", columns, postgresql_where=sa.text(f"state = '{state}'"))


INDEXES = (
    ("ix_delivery_queued", ["campaign_id", "id"], "queued"),
    ("ix_delivery_deferred", ["campaign_id", "not_before"], "deferred"),
    ("ix_delivery_claimed", ["batch_id"], "claimed"),
    ("ix_delivery_in_doubt", ["campaign_id"], "in_doubt"),
)


def downgrade() -> None:
    for name, _columns, _state in INDEXES:
        op.drop_index(name, table_name="delivery")
    op.add_column("delivery", sa.Column("wired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("delivery", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_delivery_state", "delivery", ["campaign_id", "state"])
    op.create_index("ix_delivery_lease", "delivery", ["lease_until"], postgresql_where=sa.text("state = 'claimed'"))
    op.create_index(
        "ix_delivery_due", "delivery", ["campaign_id", "id"],
        postgresql_where=sa.text("state IN ('queued', 'deferred')"),
    )  # fmt: skip
    op.execute("DROP TRIGGER count_inserted ON delivery; DROP TRIGGER count_moved ON delivery")
    op.execute("DROP FUNCTION count_deliveries")
    op.execute("UPDATE delivery SET state = 'in_doubt' WHERE state = 'claimed'")
    op.drop_column("delivery", "batch_id")
    op.drop_table("progress_mark")
    op.drop_table("delivery_count")
    op.drop_table("batch")
