"""The tables that the migrations make are the tables that the models describe."""

from collections.abc import Iterator

import flask_migrate
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import create_engine

from newsletter.core.db import db, metadata

# What alembic does not compare: defaults, checks, what a foreign key does on delete, the condition of an index.
CATALOGUE = {
    "columns": """SELECT table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' ||
        coalesce(column_default, '-') || ' ' || coalesce(character_maximum_length::text, '-')
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
ALEMBIC = ("alembic_version",)


def catalogue(url: str) -> dict[str, dict[str, str]]:
    with psycopg.connect(url) as connection:
        found = {part: dict(connection.execute(query).fetchall()) for part, query in CATALOGUE.items()}
    return {
        part: {name: text for name, text in rows.items() if not name.startswith(ALEMBIC)}
        for part, rows in found.items()
    }


@pytest.fixture
def modelled_url(postgres: str) -> Iterator[str]:
    """A database that was made from the models, without a migration."""
    name = "modelled"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres}/{name}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_migration_made_now_would_be_empty(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, metadata) == []


def test_migrations_make_what_the_models_say_to_the_last_default(
    app: Flask, database_url: str, modelled_url: str
) -> None:
    engine = create_engine(modelled_url.replace("postgresql://", "postgresql+psycopg://"))
    metadata.create_all(engine)
    engine.dispose()

    migrated, modelled = catalogue(database_url), catalogue(modelled_url)

    assert len(migrated["columns"]) > 80
    for part in CATALOGUE:
        assert migrated[part] == modelled[part], part


def test_migrations_can_be_taken_back_to_nothing(app: Flask, database_url: str) -> None:
    db.session.remove()
    flask_migrate.downgrade(revision="base")

    assert catalogue(database_url) == {"columns": {}, "constraints": {}, "indexes": {}}
