"""The statements on claims: what they write, and that they look at no row they need not."""

import pytest
from sqlalchemy import Connection

from newsletter.campaigns import claims, service
from newsletter.campaigns.held import Claim, Held, Outcome
from newsletter.campaigns.models import Campaign, Delivery, DeliveryState
from newsletter.core.db import db
from tests.factories import make_campaign, make_newsletter, make_recipients

MANY = 20_000


def started(number: int) -> Campaign:
    newsletter = make_newsletter()
    make_recipients(newsletter, number)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    return campaign


def held(connection: Connection, campaign: Campaign, number: int) -> list[Claim]:
    claimed = claims.claim(connection, campaign.id, number)
    assert claimed is not None
    return list(claims.hold(connection, claimed.batch_id))


@pytest.mark.usefixtures("app")
def test_outcomes_of_every_kind_and_of_two_batches_are_written_at_once() -> None:
    campaign = started(7)
    outcomes = [
        (DeliveryState.SENT, 250, "2.0.0", True),
        (DeliveryState.FAILED, 550, "5.1.1", True),
        (DeliveryState.SENT, 250, "2.0.0", True),
        (DeliveryState.SENT, 250, None, True),
        (DeliveryState.DEFERRED, 451, "4.7.1", True),
        (DeliveryState.QUEUED, None, None, False),
        (DeliveryState.IN_DOUBT, None, None, True),
    ]

    with db.engine.begin() as connection:
        mine = [*held(connection, campaign, 3), *held(connection, campaign, 4)]
        claims.settle(connection, [Outcome(claim, *how) for claim, how in zip(mine, outcomes, strict=True)])

    rows = db.session.query(Delivery.state, Delivery.reply_code, Delivery.reply_status, Delivery.attempt)
    written = rows.order_by(Delivery.id).all()
    assert [tuple(row) for row in written] == [
        (state, code, status, 1 if tried else 0) for state, code, status, tried in outcomes
    ]


@pytest.mark.usefixtures("app")
def test_a_claim_reads_only_the_rows_that_it_takes() -> None:
    campaign = started(1)
    rows = "INSERT INTO delivery (campaign_id, recipient_id) SELECT :campaign, -id FROM generate_series(1, :many) AS id"
    db.session.execute(db.text(rows), {"campaign": campaign.id, "many": MANY})
    db.session.commit()
    # The planner now knows how large the table is, and that a good part of it is asked for.
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE delivery")
        values = {"campaign": campaign.id, "number": MANY // 8, "after": 0, "lease": 45}
        lines = connection.execute(db.text(f"EXPLAIN {claims._CLAIM}"), values).scalars().all()

    assert not [line for line in lines if "Seq Scan on delivery" in line]


def test_held_claims_are_taken_bit_by_bit_until_there_are_no_more() -> None:
    mine = [Claim(number, 1, 1, number, b"", None, b"", measured=True) for number in range(5)]
    waiting = Held.of(mine)

    taken = [waiting.take(2), waiting.take(2), waiting.take(2), waiting.take(2)]

    assert taken == [mine[:2], mine[2:4], mine[4:], []]
    assert len(waiting) == 0
