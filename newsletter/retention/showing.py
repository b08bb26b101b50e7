"""The table as people read it: in their language, with the last run of each rule and the next, in groups."""

from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from newsletter.core.i18n import gettext
from newsletter.core.i18n import gettext as _
from newsletter.privacy import runs
from newsletter.retention.rule import NO_PERSON, Rule
from newsletter.retention.rules import RULES

ABOUT_STAFF = {"audit", "accounts", "tokens"}


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


@dataclass(frozen=True)
class Group:
    """Entries that are about the same people, or about nobody."""

    title: str
    entries: list[Entry]


def groups() -> list[Group]:
    """Return the whole table by whom it is about: subscribers first."""
    every = entries()
    staff = [entry for entry in every if entry.name in ABOUT_STAFF]
    nobody = [entry for entry in every if entry not in staff and entry.basis == gettext(NO_PERSON)]
    subscribers = [entry for entry in every if entry not in [*staff, *nobody]]
    return [
        Group(_("About you and other subscribers"), subscribers),
        Group(_("About those who work with this service"), staff),
        Group(_("About nobody: no personal data"), nobody),
    ]


def entries() -> list[Entry]:
    """Return the whole table, in the order in which it is declared."""
    last = runs.every()
    return [_entry(rule, last.get(rule.name)) for rule in RULES]


def _entry(rule: Rule, run: runs.RetentionRun | None) -> Entry:
    days, backup_days = current_app.config["MEASUREMENT_DAYS"], current_app.config["BACKUP_KEEP_DAYS"]
    return Entry(
        name=rule.name,
        what=gettext(rule.what),
        purpose=gettext(rule.purpose),
        basis=gettext(rule.basis),
        period=gettext(rule.period, days=days, backup_days=backup_days),
        ending=gettext(rule.ending),
        every_seconds=rule.every.total_seconds() if rule.enforce else None,
        run=run,
        next_at=run.ran_at + rule.every if run and rule.enforce else None,
    )
