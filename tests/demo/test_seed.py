"""The sample data: convincing, visibly fictional, put in once."""

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from newsletter.campaigns import fields, unsubscribes
from newsletter.campaigns import service as campaigns
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState
from newsletter.core.db import db
from newsletter.demo import people, seed
from newsletter.privacy.models import Receipt
from newsletter.recipients import newsletters
from newsletter.recipients.models import Recipient
from newsletter.tracking.report import report
from tests import factories


@pytest.fixture
def seeded(app: Flask) -> None:
    seed.seed()


def campaign_in(state: CampaignState) -> Campaign:
    return db.session.execute(select(Campaign).where(Campaign.state == state)).scalar_one()


def number_of(table: type) -> int:
    return int(db.session.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.usefixtures("seeded")
def test_a_second_start_adds_nothing() -> None:
    before = [number_of(table) for table in (Recipient, Receipt, Campaign)]

    seed.seed()

    assert [number_of(table) for table in (Recipient, Receipt, Campaign)] == before
    assert before == [seed.RECIPIENTS, seed.RECIPIENTS, 2]


def test_an_installation_in_use_is_left_alone(app: Flask) -> None:
    factories.make_newsletter(slug="ours")

    seed.seed()

    assert [newsletter.slug for newsletter in newsletters.every()] == ["ours"]
    assert number_of(Recipient) == 0


@pytest.mark.usefixtures("seeded")
def test_the_sent_campaign_has_a_report_that_shows_figures() -> None:
    sent = campaign_in(CampaignState.SENT)

    fates = counts(sent.id)
    figures = report(sent.id, fates["sent"])

    assert figures.opens.unique is not None
    assert figures.clicks.unique is not None
    assert 100 < figures.opens.unique < fates["sent"]
    assert len([link for link in figures.links if link.unique]) == 3
    assert len(figures.hours) > 10
    assert unsubscribes.number(sent.id, fates["sent"]) == 5 <= seed.LEFT
    assert fates["failed"] == seed.UNREACHABLE
    assert fates["audience"] == sum(number for name, number in fates.items() if name != "audience")


@pytest.mark.usefixtures("seeded")
def test_the_draft_is_ready_to_be_sent() -> None:
    draft = campaign_in(CampaignState.DRAFT)

    fields.require_complete(draft.subject, draft.markdown, seed.RECIPIENTS)

    assert draft in campaigns.every(newsletters.by_slug(seed.SLUG))


def test_nobody_in_it_can_exist() -> None:
    invented = list(people.invent(400, seed.random.Random(1)))

    emails = [email for email, _person in invented]
    assert len(set(emails)) == len(emails)
    assert all(re.fullmatch(r"[a-z.]+\.\d+@([a-z]+\.)?example(\.(org|com|net))?", email) for email in emails)
    assert any(not person.last_name for _email, person in invented)
