"""How many left by a campaign's links is withheld by the same rule as opens and clicks."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.campaigns import service, unsubscribes
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core.db import db, utcnow
from newsletter.recipients.models import Departure
from newsletter.staff import accounts, tokens
from tests.factories import make_campaign
from tests.staff.signing_in import signed_in


def left(*numbers: int) -> Campaign:
    """Return a sent campaign out of which so many left, by different ways."""
    campaign = make_campaign(state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())
    for number, way in zip(numbers, ("link", "page", "preferences"), strict=False):
        db.session.add(Departure(newsletter_id=campaign.newsletter_id, campaign_id=campaign.id, way=way, number=number))
    db.session.commit()
    return campaign


@pytest.mark.parametrize(
    ("numbers", "shown"), [((), None), ((1,), None), ((2, 2), None), ((3, 2), 5), ((6,), 5), ((5, 5), 10)]
)
def test_who_left_is_shown_in_steps_and_not_the_first_of_them(
    app: Flask, numbers: tuple[int, ...], shown: int | None
) -> None:
    campaign = left(*numbers)

    assert unsubscribes.number(campaign.id, delivered=100) == shown


@pytest.mark.parametrize(("numbers", "told"), [((), None), ((2, 2), None), ((3, 2), 5), ((6,), 6)])
def test_programs_are_told_exactly_what_is_not_withheld(app: Flask, numbers: tuple[int, ...], told: int | None) -> None:
    assert unsubscribes.exact(left(*numbers).id) == told


def test_that_all_have_left_can_not_be_seen(app: Flask) -> None:
    assert unsubscribes.number(left(12).id, delivered=12) == 5


def test_with_a_group_of_one_everything_is_shown(app: Flask) -> None:
    app.config["MEASUREMENT_MIN_GROUP"] = 1

    assert unsubscribes.number(left().id, delivered=1) == 0
    assert unsubscribes.number(left(1).id, delivered=1) == 1


@pytest.mark.parametrize("numbers", [(), (4,)])
def test_the_page_and_the_api_withhold_alike(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]
) -> None:
    quick = {"argon2__time_cost": 1, "argon2__memory_cost": 1024}
    monkeypatch.setitem(accounts.SETTINGS, "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS", quick)
    public_id = service.public_id(left(*numbers))
    bearer = {"Authorization": f"Bearer {tokens.create('tests')}"}

    page = signed_in(client).get(f"/staff/campaigns/{public_id}").text
    report = client.get(f"/api/v1/campaigns/{public_id}/report", headers=bearer).json

    assert re.search(r'<dt>Unsubscribed</dt><dd class="withheld">not shown</dd>', page)
    assert report["unsubscribes"] is None
