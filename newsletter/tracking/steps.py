"""Figures in steps: none points at a person, alone or beside another one (P4).

The rule, in one sentence: a figure of what people did is a multiple of `MEASUREMENT_MIN_GROUP` (rounded down), stays at
least that far below the mails delivered, and moves only when its people have come to another step.

So whatever two figures are subtracted, none or a whole group is left: links from clicks, an hour from the hours,
clicks from opens, yesterday's figure from today's, openers from the delivered (those who did not open are people, too).
A `total` moves with its `unique` only; or else one person who clicks five times more would show. What is less than a
group is withheld (None), 0 included, because the step from 0 would show the first person. With a group of 1 everything
is shown as it is.

Two limits. That somebody did something can show, as the step that one more person makes full, but neither who nor how
many more. And whoever has mailboxes of their own among the recipients can fill a step with them and wait for its last
person: against that no rounding helps.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from flask import current_app
from sqlalchemy import text

from newsletter.core.db import db

_TAKE = text("""
    INSERT INTO shown_figure (campaign_id, link, "unique", total)
    SELECT campaign_id, link, sum("unique"), sum(total) FROM tally
    WHERE campaign_id = ANY (CAST(:campaigns AS integer[])) GROUP BY campaign_id, link
    ON CONFLICT (campaign_id, link) DO UPDATE
    SET "unique" = excluded."unique", total = excluded.total,
        unique_before = shown_figure."unique", total_before = shown_figure.total
    WHERE :group = 1 OR shown_figure."unique" / :group <> excluded."unique" / :group
""")


def size() -> int:
    """Return how many people a step is."""
    group: int = current_app.config["MEASUREMENT_MIN_GROUP"]
    return group


def take(campaign_ids: Collection[int]) -> None:
    """Let the figures of these campaigns move to what the tallies say, where that is another step.

    In the caller's transaction, which has changed the tallies.
    """
    db.session.execute(_TAKE, {"campaigns": list(campaign_ids), "group": size()})


def shown(people: int, delivered: int, group: int) -> int | None:
    """Return how many of `people` are shown, of so many who got the mail; None when withheld.

    >>> [shown(people, 100, 5) for people in (0, 4, 5, 9, 10, 94, 100)]
    [None, None, 5, 5, 10, 90, 95]
    >>> shown(7, 7, 5), shown(0, 0, 1), shown(7, 7, 1)
    (None, 0, 7)
    """
    if group == 1:
        return people
    return rounded(min(people, delivered - group), group) or None


def rounded(number: int, group: int) -> int:
    """Return `number` rounded down to whole groups, and never below 0."""
    return max(0, number - number % group)


def hours(people: Mapping[datetime, int], most: int, group: int) -> dict[datetime, int]:
    """Return the hours at whose end another step was full, and how many people more that shows; `most` in all.

    >>> nine, ten, eleven = (datetime(2026, 5, 1, hour) for hour in (9, 10, 11))
    >>> list(hours({nine: 3, ten: 8, eleven: 3}, 10, 5).values())
    [10]
    """
    found: dict[datetime, int] = {}
    so_far = before = 0
    for hour, number in people.items():
        so_far += number
        now = min(rounded(so_far, group), most)
        if now > before:
            found[hour], before = now - before, now
    return found
