"""The journal of who has left and what they objected to, for restored backups; how far the database has come."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0014"
branch_labels = None
depends_on = None

# In the transaction, and the statement, of whatever changes a row: no way of leaving can forget it. A recipient that
# goes with its newsletter needs no entry of its own.
JOURNAL = """
CREATE FUNCTION journal_digest(key bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256('recipient '::bytea || key);
CREATE FUNCTION journal_digest(newsletter_id integer, created_at timestamptz) RETURNS bytea LANGUAGE sql STABLE
    RETURN sha256(convert_to(format('newsletter %s %s', newsletter_id, extract(epoch FROM created_at)), 'UTF8'));

CREATE FUNCTION journal_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal (kind, digest)
    SELECT 'erased', journal_digest(link_key)
    FROM before WHERE EXISTS (SELECT FROM newsletter WHERE newsletter.id = newsletter_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_deleted AFTER DELETE ON recipient
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION journal_deleted();

CREATE FUNCTION journal_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal (kind, digest, at)
    SELECT kind, journal_digest(OLD.link_key), CASE kind WHEN 'moved' THEN NEW.address_changed_at ELSE now() END
    FROM (VALUES ('erased', (OLD.address_sealed IS NOT NULL AND NEW.address_sealed IS NULL)
                            OR OLD.link_key <> NEW.link_key),
                 ('moved', NEW.address_changed_at IS NOT NULL
                           AND NEW.address_changed_at IS DISTINCT FROM OLD.address_changed_at),
                 ('objected', OLD.measured AND NOT NEW.measured),
                 ('agreed', NEW.measured AND NOT OLD.measured),
                 ('restricted', OLD.restricted_at IS NULL AND NEW.restricted_at IS NOT NULL),
                 ('lifted', OLD.restricted_at IS NOT NULL AND NEW.restricted_at IS NULL)) AS act (kind, done)
    WHERE done
    ON CONFLICT (digest, kind) DO UPDATE SET at = excluded.at, copied = false;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_changed
    AFTER UPDATE OF address_sealed, link_key, measured, restricted_at, address_changed_at ON recipient
    FOR EACH ROW
    WHEN (NEW.address_sealed IS NULL OR OLD.link_key <> NEW.link_key OR OLD.measured <> NEW.measured
          OR (OLD.restricted_at IS NULL) <> (NEW.restricted_at IS NULL)
          OR OLD.address_changed_at IS DISTINCT FROM NEW.address_changed_at)
    EXECUTE FUNCTION journal_changed();

CREATE FUNCTION journal_newsletter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal (kind, digest) VALUES ('newsletter', journal_digest(OLD.id, OLD.created_at))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_newsletter AFTER DELETE ON newsletter
    FOR EACH ROW EXECUTE FUNCTION journal_newsletter();

CREATE FUNCTION journal_unwanted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal (kind, digest)
    SELECT CASE TG_OP WHEN 'DELETE' THEN 'wanted' ELSE 'unwanted' END, address_digest
    FROM (SELECT OLD.address_digest, OLD.until WHERE TG_OP = 'DELETE'
          UNION ALL SELECT NEW.address_digest, NEW.until WHERE TG_OP <> 'DELETE') AS said
    WHERE until > now()
    ON CONFLICT (digest, kind) DO UPDATE SET at = excluded.at, copied = false;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_unwanted AFTER INSERT OR UPDATE OR DELETE ON unwanted
    FOR EACH ROW EXECUTE FUNCTION journal_unwanted()
"""


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("copied", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("digest", "kind", name=op.f("pk_journal")),
    )
    op.create_index(op.f("ix_journal_at"), "journal", ["at"])
    op.create_index("ix_journal_new", "journal", ["at"], postgresql_where=sa.text("NOT copied"))
    op.create_table(
        "backup",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_backup")),
    )
    op.add_column("installation", sa.Column("in_use_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(JOURNAL)


def downgrade() -> None:
    op.execute("DROP TRIGGER journal_unwanted ON unwanted; DROP TRIGGER journal_newsletter ON newsletter")
    op.execute("DROP TRIGGER journal_changed ON recipient; DROP TRIGGER journal_deleted ON recipient")
    op.execute("DROP FUNCTION journal_unwanted, journal_newsletter, journal_changed, journal_deleted")
    op.execute("DROP FUNCTION journal_digest(bytea), journal_digest(integer, timestamptz)")
    op.drop_column("installation", "in_use_at")
    op.drop_table("backup")
    op.drop_table("journal")
