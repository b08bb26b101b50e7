"""All ten promises, checked one after the other on this installation."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from newsletter.core.db import db
from newsletter.privacy import verdicts
from newsletter.promises import answers, data
from newsletter.promises.finding import Check

CHECKS: tuple[Callable[..., Check], ...] = (
    data.nothing_before_the_yes,
    answers.only_a_person,
    data.one_click_and_gone,
    data.measured_not_watched,
    data.agreed_can_be_shown,
    answers.every_right_by_a_link,
    data.no_longer_than_declared,
    data.accounted_for,
    data.stolen_is_not_readable,
    answers.no_one_else_is_told,
)


def check(logs: Sequence[Path] = ()) -> Iterator[Check]:
    """Yield the checks of P1 to P10 as they are done; note then which promises held, for the public page.

    `logs` names log files, and directories of them, that are to be looked through as well.
    """
    held = {}
    for look in CHECKS:
        found = look(logs) if look is data.stolen_is_not_readable else look()
        db.session.rollback()
        held[found.number] = found.held
        yield found
    verdicts.note(held)
