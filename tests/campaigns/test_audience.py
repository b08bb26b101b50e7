"""The audience: everybody who is there when a campaign starts, and nobody who is gone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import delete, select

from newsletter.campaigns import audience
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, Delivery, DeliveryState
from newsletter.core.db import db
from newsletter.recipients import erasing
from newsletter.recipients.models import Newsletter, Recipient
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient, make_recipients

PATIENCE_SECONDS = 20


def test_a_snapshot_has_everybody_of_the_newsletter_in_order_and_nobody_else(app: Flask) -> None:
    newsletter = make_newsletter()
    there = [recipient.id for recipient in make_recipients(newsletter, 3)]
    make_recipient()
    gone = db.session.get_one(Recipient, make_recipient(newsletter).id)
    gone.address_sealed = gone.address_digest = None
    campaign = make_campaign(newsletter)

    written, again = audience.snapshot(campaign), audience.snapshot(campaign)

    assert (written, again) == (3, 0)
    assert list(db.session.execute(select(Delivery.recipient_id).order_by(Delivery.id)).scalars()) == there
    assert audience.count(newsletter.id) == counts(campaign.id)["queued"] == 3


def test_who_goes_is_taken_out_of_all_deliveries_and_their_fates_stay(app: Flask) -> None:
    newsletter = make_newsletter()
    recipient, other = make_recipients(newsletter, 2)
    sent = make_delivery(make_campaign(newsletter), recipient, state=DeliveryState.SENT)
    queued = make_delivery(make_campaign(newsletter), recipient)
    others = make_delivery(make_campaign(newsletter), other)

    erasing.erase(recipient.link_key, None, "page")

    assert (sent.recipient_id, sent.state) == (None, DeliveryState.SENT)
    assert (queued.recipient_id, queued.state) == (None, DeliveryState.QUEUED)
    assert others.recipient_id == other.id


def test_a_campaign_takes_its_deliveries_with_it_and_no_others(app: Flask) -> None:
    gone, stays = make_delivery(make_campaign()), make_delivery(make_campaign())

    db.session.execute(delete(Campaign).where(Campaign.id == gone.campaign_id))
    db.session.commit()

    assert list(db.session.execute(select(Delivery.id)).scalars()) == [stays.id]


def test_a_newsletter_takes_everything_with_it(app: Flask) -> None:
    newsletter = make_newsletter()
    make_delivery(make_campaign(newsletter), make_recipient(newsletter))

    db.session.execute(delete(Newsletter))
    db.session.commit()

    assert [db.session.query(model).count() for model in (Campaign, Recipient, Delivery)] == [0, 0, 0]


def test_who_leaves_during_a_snapshot_is_gone_at_once_and_out_of_it_in_the_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "SENDERS_WAIT", f"{2 * PATIENCE_SECONDS}s")
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter)
    campaign_id, link_key = make_campaign(newsletter).id, recipient.link_key

    def leave() -> bool:
        with app.app_context():
            return erasing.erase(link_key, None, "page")

    with ThreadPoolExecutor(1) as pool:
        audience.snapshot(db.session.get_one(Campaign, campaign_id))
        has_left = pool.submit(leave).result(PATIENCE_SECONDS)
        emptied = select(Recipient.address_sealed.is_(None)).where(Recipient.link_key == link_key)
        found = db.session.execute(emptied).scalars().all()
        db.session.commit()

    assert has_left
    assert found == [True], "the snapshot's transaction, which may write of the row, sees it still, and empty"
    assert erasing.sweep_tombstones() == 1
    assert db.session.execute(select(Delivery.recipient_id)).scalars().all() == [None]
