"""Erasing: complete when it returns, counted once, and bounded in time also while a sender holds the row."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from newsletter.core.db import db
from newsletter.privacy import receipts
from newsletter.privacy.models import Receipt
from newsletter.recipients import erasing, service
from newsletter.recipients.models import Departure, Recipient
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient
from tests.outages import counting_queries
from tests.signups import count

pytestmark = pytest.mark.usefixtures("app")


@contextmanager
def sender_holds(database_url: str, recipient_id: int) -> Iterator[None]:
    """Hold the row as a worker does while it hands over a batch."""
    with psycopg.connect(database_url) as sender:
        sender.execute("SELECT 1 FROM recipient WHERE id = %s FOR KEY SHARE", (recipient_id,))
        yield
        sender.rollback()


def departures() -> dict[tuple[int | None, str], int]:
    return {(row.campaign_id, row.way): row.number for row in db.session.query(Departure)}


def test_the_row_goes_and_the_receipt_is_closed() -> None:
    recipient = make_recipient()

    service.erase(recipient.link_key, way="one_click")

    receipt = db.session.query(Receipt).one()
    assert count(Recipient) == 0
    assert receipt.close_reason == "one_click"
    assert receipt.closed_at is not None
    assert receipt.delete_after == datetime(receipt.closed_at.year + 4, 1, 1, tzinfo=UTC)


def test_a_row_that_no_sender_holds_goes_in_one_transaction() -> None:
    key = make_recipient().link_key
    db.session.rollback()

    with counting_queries() as statements:
        service.erase(key)

    assert len(statements) == 2  # whose receipt it is, and the erasing
    assert count(Recipient) == 0


def test_what_was_delivered_stays_without_the_person() -> None:
    delivery = make_delivery(make_campaign())
    recipient = db.session.get_one(Recipient, delivery.recipient_id)

    service.erase(recipient.link_key)

    db.session.refresh(delivery)
    assert delivery.recipient_id is None


def test_a_second_time_changes_nothing_and_counts_nothing() -> None:
    campaign = make_campaign()
    recipient = make_recipient()
    key = recipient.link_key

    service.erase(key, campaign.id, "one_click")
    service.erase(key, campaign.id, "one_click")
    service.erase(b"\0" * 16, campaign.id, "one_click")

    assert departures() == {(campaign.id, "one_click"): 1}


def test_departures_are_counted_by_campaign_and_way() -> None:
    newsletter, campaign = make_newsletter(), make_campaign()
    keys = [make_recipient(newsletter).link_key for _ in range(4)]

    service.erase(keys[0], campaign.id, "one_click")
    service.erase(keys[1], campaign.id, "one_click")
    service.erase(keys[2], campaign.id, "page")
    service.erase(keys[3], None, "preferences")

    assert departures() == {(campaign.id, "one_click"): 2, (campaign.id, "page"): 1, (None, "preferences"): 1}


def test_leaving_by_a_mail_of_a_deleted_campaign_is_counted_without_it() -> None:
    recipient = make_recipient()

    service.erase(recipient.link_key, 4711, "one_click")

    assert departures() == {(None, "one_click"): 1}


def test_a_row_that_a_sender_holds_too_long_is_emptied_at_once_and_swept_later(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(erasing, "SENDERS_WAIT", "200ms")
    recipient = make_recipient()
    key, row_id = recipient.link_key, recipient.id

    with sender_holds(database_url, row_id):
        service.erase(key, None, "one_click")
        service.erase(key, None, "one_click")
        tombstone = db.session.get_one(Recipient, row_id)
        assert (tombstone.address_sealed, tombstone.address_digest, tombstone.name_sealed) == (None, None, None)
        assert erasing.sweep_tombstones() == 0

    assert erasing.sweep_tombstones() == 1
    assert count(Recipient) == 0
    assert departures() == {(None, "one_click"): 1}
    assert db.session.query(Receipt).one().closed_at is not None


def test_after_a_tombstone_the_same_person_may_come_back(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setattr(erasing, "SENDERS_WAIT", "200ms")
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter, "a@example.org")

    with sender_holds(database_url, recipient.id):
        service.erase(recipient.link_key)
        again = make_recipient(newsletter, "a@example.org")

    assert again.address_sealed is not None


def test_receipts_are_deleted_when_their_time_is_up() -> None:
    kept, outlived = make_recipient(), make_recipient()
    for recipient in (kept, outlived):
        service.erase(recipient.link_key)
    first, second = db.session.query(Receipt).order_by(Receipt.id)
    second.delete_after = datetime(2020, 1, 1, tzinfo=UTC)
    db.session.commit()

    assert receipts.delete_outlived() == 1

    assert [row.id for row in db.session.query(Receipt)] == [first.id]
