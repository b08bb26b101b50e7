"""The page that answers a sign-up: one and the same for everybody, and therefore written once for each newsletter."""

from functools import lru_cache
from typing import NamedTuple

from flask import render_template

from newsletter.core.i18n import asked, language
from newsletter.recipients.models import Newsletter


class Sender(NamedTuple):
    """What the page says of a newsletter."""

    slug: str
    title: str
    from_name: str


def page(newsletter: Newsletter) -> str:
    """Return the page in the language of this request, a POST: in answer to GET a page names its own address."""
    return _page(Sender(newsletter.slug, newsletter.title, newsletter.from_name), language(), asked())


@lru_cache(maxsize=64)
def _page(sender: Sender, _language: str, _asked: str | None) -> str:
    # The template gets nothing that the page is not remembered by: it could say the same to the next visitor.
    return render_template("page/mailbox.html", newsletter=sender)
