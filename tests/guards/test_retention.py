"""Every column of the database says which rule of the table keeps it, and every rule is enforced (P7)."""

from flask import Flask
from sqlalchemy import inspect

from newsletter import schedule
from newsletter.core.db import db, metadata
from newsletter.retention.enforcing import enforced
from newsletter.retention.rules import RULES


def rule_of(table: str, column: str) -> str | None:
    """Return the rule that the column is tagged with, by itself or with its whole table."""
    described = metadata.tables.get(table)
    if described is None or column not in described.columns:
        return None
    found: str | None = described.columns[column].info.get("retention") or described.info.get("retention")
    return found


def test_every_column_leads_into_the_table_of_retention(app: Flask) -> None:
    names = {rule.name for rule in RULES}
    there = inspect(db.engine)

    columns = [
        (table, column["name"])
        for table in there.get_table_names()
        if table != "alembic_version"
        for column in there.get_columns(table)
    ]

    assert len(columns) > 100
    assert [f"{table}.{column}" for table, column in columns if rule_of(table, column) not in names] == []


def test_every_rule_that_deletes_is_a_task_of_the_worker_and_can_tell_what_is_overdue() -> None:
    tasks = {name for name, _every, _task in schedule.TASKS}

    assert {f"keep no longer: {rule.name}" for rule in enforced()} <= tasks
    assert len(tasks) == len(schedule.TASKS)
    assert [rule.name for rule in enforced() if rule.overdue is None] == []
    assert len({rule.name for rule in RULES}) == len(RULES)
