"""Recipients are counted as they come and go; deliveries refer to them without a check per row; missing indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A statement that goes with its newsletter has nothing left to count for.
COUNT = """
CREATE FUNCTION count_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO recipient_count (newsletter_id, slot, number)
        SELECT newsletter_id, pg_backend_pid() % 64, count(*)
        FROM after WHERE address_sealed IS NOT NULL GROUP BY newsletter_id ORDER BY newsletter_id
        ON CONFLICT (newsletter_id, slot) DO UPDATE SET number = recipient_count.number + excluded.number;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO recipient_count (newsletter_id, slot, number)
        SELECT newsletter_id, pg_backend_pid() % 64, sum(one)
        FROM (SELECT newsletter_id, 1 AS one FROM after WHERE address_sealed IS NOT NULL
              UNION ALL SELECT newsletter_id, -1 FROM before WHERE address_sealed IS NOT NULL) AS moved
        GROUP BY newsletter_id HAVING sum(one) <> 0 ORDER BY newsletter_id
        ON CONFLICT (newsletter_id, slot) DO UPDATE SET number = recipient_count.number + excluded.number;
    ELSE
        INSERT INTO recipient_count (newsletter_id, slot, number)
        SELECT newsletter_id, pg_backend_pid() % 64, -count(*)
        FROM before JOIN newsletter ON newsletter.id = newsletter_id
        WHERE address_sealed IS NOT NULL GROUP BY newsletter_id ORDER BY newsletter_id
        ON CONFLICT (newsletter_id, slot) DO UPDATE SET number = recipient_count.number + excluded.number;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_inserted AFTER INSERT ON recipient
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_recipients();
CREATE TRIGGER count_moved AFTER UPDATE ON recipient
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_recipients();
CREATE TRIGGER count_deleted AFTER DELETE ON recipient
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION count_recipients()
"""
FILL = """
INSERT INTO recipient_count (newsletter_id, slot, number)
SELECT newsletter_id, 0, count(*) FROM recipient WHERE address_sealed IS NOT NULL GROUP BY newsletter_id
"""
# In the place of two foreign keys, ON DELETE SET NULL and ON DELETE CASCADE. The lock is audience.LOCK: whoever
# deletes a recipient waits for a snapshot that may just be writing the delivery.
REFER = """
CREATE FUNCTION forget_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1852596597);
    UPDATE delivery SET recipient_id = NULL FROM before WHERE delivery.recipient_id = before.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_deleted AFTER DELETE ON recipient
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION forget_recipients();
CREATE FUNCTION delete_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM delivery_count WHERE campaign_id = OLD.id) THEN
        DELETE FROM delivery WHERE campaign_id = OLD.id;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER delete_deliveries BEFORE DELETE ON campaign
    FOR EACH ROW EXECUTE FUNCTION delete_deliveries()
"""
CAMPAIGN, RECIPIENT = "fk_delivery_campaign_id_campaign", "fk_delivery_recipient_id_recipient"


def upgrade() -> None:
    op.create_table(
        "recipient_count",
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_recipient_count_newsletter_id_newsletter"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "slot", name=op.f("pk_recipient_count")),
    )
    op.execute(COUNT)  # from here on nobody changes a recipient before this is done
    op.execute(FILL)
    op.drop_constraint(CAMPAIGN, "delivery", type_="foreignkey")
    op.drop_constraint(RECIPIENT, "delivery", type_="foreignkey")
    op.execute(REFER)
    op.create_index(
        "ix_recipient_reachable",
        "recipient",
        ["newsletter_id", "id"],
        postgresql_where=sa.text("address_sealed IS NOT NULL"),
    )
    op.create_index(op.f("ix_recipient_receipt_id"), "recipient", ["receipt_id"])
    op.create_index(
        "ix_receipt_delete_after", "receipt", ["delete_after"], postgresql_where=sa.text("delete_after IS NOT NULL")
    )
    op.create_index(op.f("ix_departure_campaign_id"), "departure", ["campaign_id"])
    op.create_index(op.f("ix_audit_entry_action"), "audit_entry", ["action"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_entry_action"), table_name="audit_entry")
    op.drop_index(op.f("ix_departure_campaign_id"), table_name="departure")
    op.drop_index("ix_receipt_delete_after", table_name="receipt")
    op.drop_index(op.f("ix_recipient_receipt_id"), table_name="recipient")
    op.drop_index("ix_recipient_reachable", table_name="recipient")
    op.execute("DROP TRIGGER delete_deliveries ON campaign; DROP TRIGGER forget_deleted ON recipient")
    op.execute("DROP FUNCTION delete_deliveries; DROP FUNCTION forget_recipients")
    op.create_foreign_key(RECIPIENT, "delivery", "recipient", ["recipient_id"], ["id"], ondelete="SET NULL")
    op.create_foreign_key(CAMPAIGN, "delivery", "campaign", ["campaign_id"], ["id"], ondelete="CASCADE")
    op.execute("DROP TRIGGER count_inserted ON recipient; DROP TRIGGER count_moved ON recipient")
    op.execute("DROP TRIGGER count_deleted ON recipient; DROP FUNCTION count_recipients")
    op.drop_table("recipient_count")
