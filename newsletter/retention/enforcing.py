"""What the periodic work does for the table: each rule that deletes is a task, and every run is noted."""

from collections.abc import Callable

from newsletter.privacy import runs
from newsletter.retention.rule import Rule
from newsletter.retention.rules import RULES


def enforced() -> list[Rule]:
    """Return the rules that have something to delete."""
    return [rule for rule in RULES if rule.enforce is not None]


def job(rule: Rule) -> Callable[[], int]:
    """Return the task that enforces the rule, notes that it did, and returns how much it deleted."""

    def run() -> int:
        deleted = rule.enforce() if rule.enforce is not None else 0
        runs.note(rule.name, deleted)
        return deleted

    return run
