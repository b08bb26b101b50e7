"""The table as people read it: in their language, with the last run of each rule and the next."""

from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from newsletter.core.i18n import gettext
from newsletter.privacy import runs
from newsletter.retention.rules import RULES, Rule


@dataclass(frozen=True)
class Entry:
    """A rule with its texts in the reader's language. `every_seconds` is None for a rule without a job."""

    name: str
    what: str
    purpose: str
    basis: str
    period: str
    ending: str
    every_seconds: float | None
    run: runs.RetentionRun | None
    next_at: datetime | None


def entries() -> list[Entry]:
    """Return the whole table, in the order in which it is declared."""
    last = runs.every()
    return [_entry(rule, last.get(rule.name)) for rule in RULES]


def _entry(rule: Rule, run: runs.RetentionRun | None) -> Entry:
    days = current_app.config["MEASUREMENT_DAYS"]
    return Entry(
        name=rule.name,
        what=gettext(rule.what),
        purpose=gettext(rule.purpose),
        basis=gettext(rule.basis),
        period=gettext(rule.period, days=days),
        ending=gettext(rule.ending),
        every_seconds=rule.every.total_seconds() if rule.enforce else None,
        run=run,
        next_at=run.ran_at + rule.every if run and rule.enforce else None,
    )
