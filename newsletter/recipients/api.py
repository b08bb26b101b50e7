"""Newsletters in the JSON API."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from newsletter.core import json_bodies
from newsletter.recipients import newsletters
from newsletter.recipients.models import Newsletter
from newsletter.staff import audit

bp = Blueprint("newsletters", __name__, url_prefix="/newsletters")


@bp.get("")
def every() -> ResponseReturnValue:
    """Answer all newsletters, by title."""
    recipients = newsletters.count_recipients_of_all()
    return [_shown(newsletter, recipients.get(newsletter.id, 0)) for newsletter in newsletters.every()]


@bp.post("")
def create() -> ResponseReturnValue:
    """Make a newsletter."""
    newsletter = newsletters.create(json_bodies.read(request, newsletters.FIELDS, check=_check_new))
    audit.note("newsletter.create", newsletter.title)
    location = f"{current_app.config['PUBLIC_URL']}/api/v1/newsletters/{newsletter.slug}"
    return _shown(newsletter, 0), 201, {"Location": location}


@bp.get("/<slug>")
def one(slug: str) -> ResponseReturnValue:
    """Answer one newsletter."""
    newsletter = newsletters.by_slug(slug)
    return _shown(newsletter, newsletters.count_recipients(newsletter.id))


@bp.patch("/<slug>")
def change(slug: str) -> ResponseReturnValue:
    """Change the fields that the body names, all or none of them."""
    newsletter = newsletters.by_slug(slug)
    values = json_bodies.read(request, newsletters.FIELDS, check=newsletters.validated)
    newsletter = newsletters.change(newsletter, values)
    audit.note("newsletter.change", newsletter.title)
    return _shown(newsletter, newsletters.count_recipients(newsletter.id))


def _check_new(values: Mapping[str, Any]) -> None:
    newsletters.validated({"slug": "", "title": "", "from_address": "", **values})


def _shown(newsletter: Newsletter, recipients: int) -> dict[str, Any]:
    return {name: getattr(newsletter, name) for name in newsletters.FIELDS} | {
        "url": f"{current_app.config['PUBLIC_URL']}/n/{newsletter.slug}",
        "recipients": recipients,
    }
