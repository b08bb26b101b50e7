"""All ten promises, checked one after the other on this installation."""

from collections.abc import Callable, Iterator

from newsletter.core.db import db
from newsletter.privacy import verdicts
from newsletter.promises import answers, data
from newsletter.promises.finding import Check

CHECKS: tuple[Callable[[], Check], ...] = (
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


def check() -> Iterator[Check]:
    """Yield the checks of P1 to P10 as they are done; note then which promises held, for the public page."""
    held = {}
    for look in CHECKS:
        found = look()
        db.session.rollback()
        held[found.number] = found.held
        yield found
    verdicts.note(held)
