"""Campaigns in the JSON API."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from newsletter.campaigns import blocks, fields, listing, replies, service, trail, unsubscribes
from newsletter.campaigns.counts import counts, counts_of
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.campaigns.progress import progress
from newsletter.core import json_bodies, public_ids, rfc3339
from newsletter.core.errors import Invalid, NotFound, check_all
from newsletter.core.i18n import gettext as _
from newsletter.recipients import newsletters
from newsletter.recipients.models import Newsletter
from newsletter.staff import audit
from newsletter.tracking import exact
from newsletter.tracking.report import Figure

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")

MAX_BODY_OCTETS = 2 * 1024 * 1024
MOST_AT_ONCE = 200
MEMBERS = ("newsletter", *fields.FIELDS, "blocks")
Content = dict[str, Any]


@bp.before_request
def take_long_texts() -> None:
    """Let a body be longer than on the public routes: whoever comes here has shown a token."""
    request.max_content_length = MAX_BODY_OCTETS


@bp.get("")
def every() -> ResponseReturnValue:
    """Answer all campaigns, or those of `?newsletter=<slug>`; with `?limit=` a page of them (RFC 8288)."""
    slug, before = request.args.get("newsletter"), request.args.get("before")
    newsletter = None if slug is None else newsletters.by_slug(slug)
    page = listing.page(newsletter, before=public_ids.read(service.KIND, before) if before else None, size=_limit())
    ids = [campaign.id for campaign in page.rows]
    numbers, said = counts_of(ids), replies.latest_of(ids)
    slugs = {each.id: each.slug for each in newsletters.every()}
    shown = [_shown(each, slugs[each.newsletter_id], numbers[each.id], said[each.id]) for each in page.rows]
    return (shown, {"Link": _next(shown[-1]["id"])}) if page.has_older else shown


def _limit() -> int | None:
    text = request.args.get("limit")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_AT_ONCE):
        raise Invalid({"limit": _("Please give a number from 1 to %(number)s.", number=MOST_AT_ONCE)})
    return int(text[:9])


def _next(last_id: str) -> str:
    query = urlencode(request.args.to_dict() | {"before": last_id})
    return f'<{current_app.config["PUBLIC_URL"]}/api/v1/campaigns?{query}>; rel="next"'


@bp.post("")
def create() -> ResponseReturnValue:
    """Make a draft."""
    newsletter, content = _read()
    campaign = service.create(newsletter, content)
    trail.note("campaign.create", campaign)
    location = f"{current_app.config['PUBLIC_URL']}/api/v1/campaigns/{service.public_id(campaign)}"
    return _shown(campaign), 201, {"Location": location}


@bp.get("/<public_id>")
def one(public_id: str) -> ResponseReturnValue:
    """Answer one campaign with its counts, how fast it goes, and what the relay says."""
    return _shown(service.by_public_id(public_id))


@bp.patch("/<public_id>")
def change(public_id: str) -> ResponseReturnValue:
    """Change the fields that the body names, all or none of them."""
    campaign = service.by_public_id(public_id)
    newsletter, content = _read(newsletters.by_id(campaign.newsletter_id).slug)
    if newsletter.id != campaign.newsletter_id:
        raise Invalid({"newsletter": _("A campaign stays with its newsletter.")})
    service.change(campaign, content)
    trail.note("campaign.change", campaign)
    return _shown(service.by_public_id(public_id))


@bp.delete("/<public_id>")
def delete(public_id: str) -> ResponseReturnValue:
    """Delete a campaign that has sent nothing."""
    campaign = service.by_public_id(public_id)
    name = trail.name_of(campaign)
    service.delete(campaign)
    audit.note("campaign.delete", name)
    return "", 204


@bp.post("/<public_id>/test")
def test(public_id: str) -> ResponseReturnValue:
    """Mail a test, marked and unmeasured, to a few addresses."""
    campaign = service.by_public_id(public_id)
    to = json_bodies.read(request, ("to",)).get("to")
    if not isinstance(to, list) or not all(isinstance(address, str) for address in to):
        raise Invalid({"to": _("This must be a list of e-mail addresses.")})
    service.send_test(campaign, to)
    trail.note(trail.TEST, campaign)
    return _shown(campaign), 202


@bp.post("/<public_id>/send")
def send(public_id: str) -> ResponseReturnValue:
    """Send a campaign, now or `at` a time."""
    campaign = service.by_public_id(public_id)
    at = json_bodies.read(request, ("at",), empty=True).get("at")
    service.send(campaign, None if at is None else rfc3339.read(at, "at"))
    trail.note("campaign.send", campaign)
    return _shown(service.by_public_id(public_id)), 202


@bp.post("/<public_id>/<any(pause, resume, cancel):act>")
def steer(public_id: str, act: str) -> ResponseReturnValue:
    """Pause, resume or cancel."""
    campaign = service.by_public_id(public_id)
    json_bodies.read(request, (), empty=True)
    {"pause": service.pause, "resume": service.resume, "cancel": service.cancel}[act](campaign)
    trail.note(f"campaign.{act}", campaign)
    return _shown(service.by_public_id(public_id)), 202


@bp.get("/<public_id>/report")
def report(public_id: str) -> ResponseReturnValue:
    """Answer how the campaign did; a number that is too small to be shown is null."""
    campaign = service.by_public_id(public_id)
    figures = exact.report(campaign.id)
    return {
        "delivered": counts(campaign.id)["sent"],
        "opens": _figure(figures.opens),
        "clicks": _figure(figures.clicks),
        "links": [{"url": link.url, "unique": link.unique, "total": link.total} for link in figures.links],
        "unsubscribes": unsubscribes.exact(campaign.id),
    }


def _figure(figure: Figure) -> dict[str, int | None]:
    return {"unique": figure.unique, "total": figure.total}


def _read(slug: str = "") -> tuple[Newsletter, Content]:
    """Return the newsletter that the body names (by default `slug`) and the content; name every wrong field at once."""
    body = json_bodies.read(
        request, MEMBERS, check=lambda known: check_all(lambda: _named(known, slug), lambda: _rest(known))
    )
    return _named(body, slug), _rest(body)


def _named(body: Mapping[str, Any], slug: str) -> Newsletter:
    return _newsletter(body.get("newsletter", slug))


def _rest(body: Mapping[str, Any]) -> Content:
    return _content({name: value for name, value in body.items() if name != "newsletter"})


def _newsletter(slug: Any) -> Newsletter:
    try:
        return newsletters.by_slug(slug if isinstance(slug, str) else "")
    except NotFound:
        raise Invalid({"newsletter": _("Please give the short name (slug) of a newsletter.")}) from None


def _content(body: Content) -> Content:
    if "blocks" not in body:
        return fields.validated(body)
    if "markdown" in body:
        raise Invalid({"blocks": _("Please give either markdown or blocks.")})
    parts = body.pop("blocks")
    try:
        return fields.validated(body | {"markdown": blocks.to_markdown(parts)})
    except Invalid as error:
        renamed = {"blocks" if name == "markdown" else name: text for name, text in error.errors.items()}
        raise Invalid(renamed) from None


def _shown(
    campaign: Campaign,
    slug: str | None = None,
    numbers: dict[str, int] | None = None,
    said: list[replies.Said] | None = None,
) -> dict[str, Any]:
    now = progress(campaign) if campaign.state == CampaignState.SENDING else None
    said = replies.latest(campaign.id) if said is None else said
    return {
        "id": service.public_id(campaign),
        "newsletter": slug or newsletters.by_id(campaign.newsletter_id).slug,
        "subject": campaign.subject,
        "preheader": campaign.preheader,
        "markdown": campaign.markdown,
        "state": campaign.state,
        "pause_reason": campaign.pause_reason,
        "counts": now.counts if now else numbers or counts(campaign.id),
        "progress": {
            "rate_per_minute": now.per_minute if now else None,
            "minutes_left": now.minutes_left if now else None,
        },
        "replies": [{"code": reply.code, "status": reply.status, "at": rfc3339.show(reply.at)} for reply in said],
        "created_at": rfc3339.show(campaign.created_at),
        "updated_at": rfc3339.show(campaign.updated_at),
        "scheduled_at": rfc3339.show(campaign.scheduled_at),
        "started_at": rfc3339.show(campaign.started_at),
        "finished_at": rfc3339.show(campaign.finished_at),
    }
