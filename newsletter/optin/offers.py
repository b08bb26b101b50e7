"""What one signs up for: a newsletter, and what the privacy statement in force depends on, in one question."""

from typing import NamedTuple

from newsletter.core.db import utcnow
from newsletter.recipients import newsletters, statement
from newsletter.recipients.models import Newsletter
from newsletter.recipients.statement import Basis

_BY_SLUG = newsletters.BY_SLUG.add_columns(*statement.BASIS)


class Offer(NamedTuple):
    """A newsletter, and on what basis people are told of their data."""

    newsletter: Newsletter
    told: Basis


def by_slug(slug: str) -> Offer:
    """Return what is offered at `slug`; raise `NotFound`."""
    newsletter, *basis = newsletters.row_by_slug(_BY_SLUG, slug, now=utcnow())
    return Offer(newsletter, statement.basis(*basis))
