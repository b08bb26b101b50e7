"""What follows from a recipient's deletion is done by one trigger in one statement, where three had one each."""

from alembic import op

revision = "0019"
down_revision = "0013"
branch_labels = None
depends_on = None

# The lock is audience.LOCK, and comes first: only a statement that begins behind it sees what a snapshot has written.
# A newsletter that goes takes its number along, and needs no entry for each of its recipients.
GONE = """
CREATE FUNCTION recipients_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1852596597);
    WITH forgotten AS (
        UPDATE delivery SET recipient_id = NULL FROM before WHERE delivery.recipient_id = before.id
    ),
    written AS (
        INSERT INTO journal (kind, digest)
        SELECT 'erased', journal_digest(link_key)
        FROM before WHERE EXISTS (SELECT FROM newsletter WHERE newsletter.id = newsletter_id)
        ON CONFLICT DO NOTHING
    )
    INSERT INTO recipient_count (newsletter_id, slot, number)
    SELECT newsletter_id, pg_backend_pid() % 64, -count(*)
    FROM before JOIN newsletter ON newsletter.id = newsletter_id
    WHERE address_sealed IS NOT NULL GROUP BY newsletter_id ORDER BY newsletter_id
    ON CONFLICT (newsletter_id, slot) DO UPDATE SET number = recipient_count.number + excluded.number;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER {name} AFTER DELETE ON recipient
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""
BEFORE = """
CREATE FUNCTION forget_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1852596597);
    UPDATE delivery SET recipient_id = NULL FROM before WHERE delivery.recipient_id = before.id;
    RETURN NULL;
END $$;
CREATE FUNCTION journal_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal (kind, digest)
    SELECT 'erased', journal_digest(link_key)
    FROM before WHERE EXISTS (SELECT FROM newsletter WHERE newsletter.id = newsletter_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(GONE)
    op.execute("DROP TRIGGER count_deleted ON recipient")  # its function goes on counting what comes and moves
    op.execute("DROP TRIGGER forget_deleted ON recipient; DROP TRIGGER journal_deleted ON recipient")
    op.execute("DROP FUNCTION forget_recipients, journal_deleted")
    op.execute(TRIGGER.format(name="recipients_gone", function="recipients_gone"))


def downgrade() -> None:
    op.execute("DROP TRIGGER recipients_gone ON recipient; DROP FUNCTION recipients_gone")
    op.execute(BEFORE)
    op.execute(TRIGGER.format(name="count_deleted", function="count_recipients"))
    op.execute(TRIGGER.format(name="forget_deleted", function="forget_recipients"))
    op.execute(TRIGGER.format(name="journal_deleted", function="journal_deleted"))
