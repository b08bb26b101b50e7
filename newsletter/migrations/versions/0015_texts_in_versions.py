"""Consent texts in versions, too; versions ahead; an index for what a campaign deletes with it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None

CONSENTS_OF_BEFORE = """
    INSERT INTO document (kind, newsletter_id, language, version, wording, in_force_at, made)
    SELECT 'consent', newsletter_id, language,
           row_number() OVER (PARTITION BY newsletter_id, language ORDER BY since, digest), digest, since, true
    FROM (
        SELECT receipt.newsletter_id, wording.language, wording.digest, min(receipt.requested_at) AS since
        FROM receipt JOIN wording ON wording.digest = receipt.consent_wording AND wording.kind = 'consent'
        WHERE receipt.newsletter_id IS NOT NULL
        GROUP BY receipt.newsletter_id, wording.language, wording.digest
    ) AS agreed
"""
STATEMENTS_OF_BEFORE = """
    INSERT INTO document (kind, language, version, wording, in_force_at, made)
    SELECT kind, language, 1000000 + row_number() OVER (PARTITION BY kind, language ORDER BY first_used_at),
           digest, first_used_at, true
    FROM wording WHERE kind = 'privacy' AND digest NOT IN (SELECT wording FROM document)
"""
BY_DATE = """
    UPDATE document SET version = counted.version + :offset
    FROM (
        SELECT id, row_number() OVER (PARTITION BY kind, newsletter_id, language ORDER BY in_force_at, id) AS version
        FROM document
    ) AS counted
    WHERE counted.id = document.id
"""


def upgrade() -> None:
    op.add_column("newsletter", sa.Column("next_consent_text", sa.String(), server_default="", nullable=False))
    op.add_column("newsletter", sa.Column("next_consent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("document", sa.Column("newsletter_id", sa.Integer(), nullable=True))
    op.add_column("document", sa.Column("made", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("document", "made", server_default=None)
    op.create_foreign_key(
        op.f("fk_document_newsletter_id_newsletter"),
        "document",
        "newsletter",
        ["newsletter_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index("ix_document_newsletter_id", "document", ["newsletter_id"])
    op.drop_constraint("uq_document_kind_language_version", "document")
    op.create_unique_constraint(
        op.f("uq_document_kind_newsletter_id_language_version"),
        "document",
        ["kind", "newsletter_id", "language", "version"],
        postgresql_nulls_not_distinct=True,
    )
    op.execute(CONSENTS_OF_BEFORE)
    op.execute(STATEMENTS_OF_BEFORE)
    for offset in (2_000_000, 0):  # by way of numbers that none has
        op.execute(sa.text(BY_DATE).bindparams(offset=offset))
    op.create_index("ix_refusal_campaign_id", "refusal", ["campaign_id"])


def downgrade() -> None:
    op.drop_index("ix_refusal_campaign_id", "refusal")
    op.execute("DELETE FROM document WHERE kind = 'consent' OR made")
    op.drop_constraint("uq_document_kind_newsletter_id_language_version", "document")
    op.create_unique_constraint("uq_document_kind_language_version", "document", ["kind", "language", "version"])
    op.drop_column("document", "made")
    op.drop_column("document", "newsletter_id")
    op.drop_column("newsletter", "next_consent_at")
    op.drop_column("newsletter", "next_consent_text")
