"""What people do on the pages: the requests by which they do it, ready to be sent."""

import time
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select

from bench import issue
from bench.load import Requests
from bench.people import CONSENT, Crowd
from newsletter.campaigns.models import Campaign
from newsletter.core import tokens
from newsletter.core.db import db, utcnow
from newsletter.optin import gate
from newsletter.optin.signup import ALL, SignUp
from newsletter.privacy import wordings
from newsletter.recipients import links
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from newsletter.tracking import measurement

PEOPLE = 2_000


def hellos(folder: Path) -> Requests:
    """Return requests that any application answers."""
    return Requests(folder / "hello", [f"GET /{number}" for number in range(PEOPLE)])


def opened(folder: Path, campaign_id: int) -> tuple[Requests, Requests]:
    """Return the pixels and the clicks of some people; the campaign's window of measurement must be open."""
    ids = measurement.MeasurementIds.for_campaign(campaign_id)
    spelled = [ids.spell(number) for number in range(PEOPLE)]
    pixels = [f"GET {urlsplit(measurement.pixel_url(word)).path}" for word in spelled]
    clicks = [f"GET {urlsplit(measurement.click_url(word, 1)).path}" for word in spelled]
    return Requests(folder / "pixel", pixels), Requests(folder / "redirect", clicks)


def measured_campaign(crowd: Crowd) -> int:
    """Store a campaign that is measured, and return its id."""
    campaign = Campaign(newsletter_id=crowd.newsletter_id, subject=issue.SUBJECT)
    db.session.add(campaign)
    db.session.flush()
    measurement.open_window(campaign.id, issue.TARGETS)
    db.session.commit()
    return campaign.id


def sign_ups(folder: Path, crowd: Crowd, number: int) -> Requests:
    """Return forms that were open for a minute and filled in, each with another address."""
    shown = tokens.sign(gate.SHOWN_PURPOSE, (int(time.time()) - 60).to_bytes(4))
    form = f"salutation=ms&title=&first_name=Erika&last_name=Musterfrau&shown={shown}"
    lines = [f"POST /n/{crowd.slug} email=visitor-{count}%40example.org&{form}" for count in range(number)]
    return Requests(folder / "sign-up", lines, once=True)


def confirmations(folder: Path, crowd: Crowd, number: int) -> Requests:
    """Return what the buttons behind confirmation links send."""
    consent = wordings.store(wordings.CONSENT, "de", CONSENT)
    db.session.commit()
    wishes = (
        SignUp(
            newsletter_id=crowd.newsletter_id, email=f"reader-{count}@example.org", language="de", measurement=ALL,
            person=Person("ms", "", "Erika", "Musterfrau"), consent_wording=consent, privacy_wording=consent,
            source="page", requested_at=utcnow(),
        )
        for count in range(number)
    )  # fmt: skip
    return Requests(folder / "confirm", [f"POST /confirm/{wish.token()} yes=1" for wish in wishes], once=True)


def departures(folder: Path, crowd: Crowd, number: int, campaign_id: int | None = None) -> Requests:
    """Return one-click unsubscribes (RFC 8058) of people picked from all over the newsletter."""
    everyone = select(Recipient.link_key).where(Recipient.newsletter_id == crowd.newsletter_id)
    keys = db.session.execute(everyone.order_by(db.func.random()).limit(number)).scalars().all()
    db.session.rollback()
    body = "List-Unsubscribe=One-Click"
    lines = [f"POST /u/{links.unsubscribe_token(key, campaign_id)} {body}" for key in keys]
    return Requests(folder / "unsubscribe", lines, once=True)
