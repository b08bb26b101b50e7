"""A campaign from the audience to the inboxes: fates, faults of the relay, and who may still be mailed."""

import gc
import itertools
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from newsletter.campaigns import claims, delivering, jobs, ledger, service, sweep
from newsletter.campaigns.counts import counts
from newsletter.campaigns.desk import Desk
from newsletter.campaigns.faults import KEYS
from newsletter.campaigns.held import Claim, Outcome
from newsletter.campaigns.mails import Composer
from newsletter.campaigns.models import CampaignState, Delivery, DeliveryState
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.core.stopping import stopping
from newsletter.optin import jobs as optin_jobs
from newsletter.recipients import erasing
from newsletter.recipients.person import Person
from tests.factories import make_campaign, make_newsletter, make_recipient, make_recipients
from tests.sink import Sink

RunJobs = Callable[[], int]


def fates(campaign_id: int) -> dict[str, int]:
    """Return the counts that are not zero."""
    db.session.rollback()
    return {state: number for state, number in counts(campaign_id).items() if number}


def end_leases() -> None:
    """Let the time of every claim run out."""
    db.session.execute(db.text("UPDATE batch SET lease_until = now() - interval '1 second'"))
    db.session.commit()


def end_rest() -> None:
    """Let the time be over for which the relay is left alone."""
    db.session.execute(db.text("UPDATE campaign SET not_before = now()"))
    db.session.commit()


def claim(connection: Connection, campaign_id: int, number: int) -> list[Claim]:
    claimed = claims.claim(connection, campaign_id, number)
    assert claimed is not None
    return list(claims.hold(connection, claimed.batch_id))


def test_every_recipient_gets_one_mail_with_their_own_greeting_and_links(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "mueller@example.org", person=Person("ms", "Dr.", "Eva", "Müller"))
    make_recipient(newsletter, "kim@example.org", person=Person(first_name="Kim", last_name="Beispiel"))
    make_recipient(newsletter, "nobody@example.org")
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 3, "sent": 3}
    assert campaign.state == CampaignState.SENT
    starts = {mail.to[0]: mail.text.splitlines()[3] for mail in sink.mails}
    assert starts == {
        "mueller@example.org": "Sehr geehrte Frau Dr. Müller,",
        "kim@example.org": "Guten Tag Kim Beispiel,",
        "nobody@example.org": "Guten Tag,",
    }
    assert all(greeting.rstrip(",") in mail.html for mail, greeting in zip(sink.mails, starts.values(), strict=True))
    links = [mail.link("/u/") for mail in sink.mails]
    assert len(set(links)) == 3


def test_a_slice_leaves_nothing_behind_in_memory(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    service.send(make_campaign(newsletter))
    gc.collect()

    gc.disable()
    try:
        run_jobs()
        left = [each for each in gc.get_objects() if isinstance(each, delivering.Sender)]
    finally:
        gc.enable()

    assert len(sink.mails) == 5
    assert left == []


def test_a_second_send_is_a_conflict_and_mails_nobody_twice(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    with pytest.raises(service.Conflict):
        service.send(campaign)
    run_jobs()

    assert len(sink.mails) == 5


def test_a_job_that_runs_twice_sends_once(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    jobs.send_campaign(campaign.id)
    jobs.send_campaign(campaign.id)
    run_jobs()

    assert len(sink.mails) == 5


@pytest.mark.parametrize(
    ("phase", "reply", "fate"),
    [
        ("RCPT", "550 5.1.1 no such user", "failed"),
        ("RCPT", "450 4.2.1 later", "deferred"),
        ("DOT", "554 5.6.0 odd content", "failed"),
        ("DOT", "451 4.3.0 later", "deferred"),
    ],
)
def test_a_refusal_is_the_fate_of_one_recipient_only(
    sink: Sink, run_jobs: RunJobs, phase: str, reply: str, fate: str
) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "refused@example.org")
    make_recipients(newsletter, 4)
    campaign = make_campaign(newsletter)
    sink.refuse(reply, address="refused@example.org", phase=phase)

    service.send(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 5, "sent": 4, fate: 1}
    row = db.session.query(Delivery).filter_by(state=fate).one()
    assert (row.reply_code, row.reply_status) == (int(reply[:3]), reply.split()[1])


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_message_costs_nobody_a_mail(sink: Sink, run_jobs: RunJobs, phase: str) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    sink.drop(phase, times=2)

    service.send(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 5, "sent": 5}
    assert len({mail.to[0] for mail in sink.mails}) == len(sink.mails) == 5


@pytest.mark.parametrize("kept", [True, False])
def test_a_connection_lost_after_the_final_dot_is_a_doubt_that_only_staff_resolve(
    sink: Sink, run_jobs: RunJobs, kept: bool
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    sink.drop("DOT", times=1, keep=kept)

    service.send(campaign)
    run_jobs()
    sweep.sweep()
    run_jobs()

    assert fates(campaign.id) == {"audience": 5, "sent": 4, "in_doubt": 1}
    assert len(sink.mails) == 4 + kept

    assert service.resend_in_doubt(campaign) == 1
    run_jobs()

    assert fates(campaign.id) == {"audience": 5, "sent": 5}
    ids = [mail.message["Message-ID"] for mail in sink.mails]
    assert len(set(ids)) == 5, "a mail that is sent again keeps its Message-ID"


def test_policy_refusals_pause_the_campaign_and_remove_nobody(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 40)
    campaign = make_campaign(newsletter)
    sink.refuse("550 5.7.1 not authorised", phase="RCPT")

    service.send(campaign)
    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED
    assert campaign.pause_reason == "the relay refuses: 550 5.7.1"
    assert fates(campaign.id) == {"audience": 40, "queued": 40}


def test_a_single_provider_that_says_policy_again_does_not_hold_up_the_others(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "strict@example.net")
    make_recipients(newsletter, 20)
    campaign = make_campaign(newsletter)
    sink.refuse("550 5.7.1 not from you", address="strict@example.net")
    service.send(campaign)
    run_jobs()
    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED

    service.resume(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 21, "sent": 20, "deferred": 1}


def test_a_refused_sender_pauses_and_gives_every_mail_back(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    sink.refuse("550 5.7.1 who are you", phase="MAIL")

    service.send(campaign)
    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED
    assert fates(campaign.id) == {"audience": 5, "queued": 5}


def test_a_relay_that_is_away_delays_and_loses_nothing(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 5)
    campaign = make_campaign(newsletter)
    sink.stop()

    service.send(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 5, "queued": 5}

    sink.start()
    end_rest()
    sweep.sweep()
    run_jobs()

    assert fates(campaign.id) == {"audience": 5, "sent": 5}


def test_a_claim_that_is_given_back_was_no_try(sink: Sink, run_jobs: RunJobs) -> None:
    """
    Given mails that were claimed again and again while the relay was away
    When the relay, back again, refuses us at the very first of them
    Then it is the first refusal, and the campaign is paused.
    """
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    sink.stop()
    for _ in range(3):
        run_jobs()
        end_rest()
        sweep.sweep()
    assert {row.attempt for row in db.session.query(Delivery)} == {0}

    sink.start()
    sink.refuse("550 5.7.1 not authorised", phase="RCPT")
    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED


@pytest.mark.usefixtures("app")
def test_who_has_lost_a_claim_takes_no_try_away_by_giving_it_back() -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 1)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    with db.engine.begin() as connection:
        (first,) = claim(connection, campaign.id, 1)
        claims.settle(connection, [Outcome(first, DeliveryState.QUEUED, tried=False)])
        (second,) = claim(connection, campaign.id, 1)
        for _ in range(2):
            claims.settle(connection, [Outcome(first, DeliveryState.QUEUED, tried=False)])

    assert [mine.attempt for mine in (first, second)] == [1, 1]
    assert db.session.query(Delivery.attempt).scalar() == 1


def test_who_leaves_after_the_start_is_skipped(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    leaving = make_recipient(newsletter, "leaving@example.org")
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    erasing.erase(leaving.link_key, None, "page")
    run_jobs()

    assert fates(campaign.id) == {"audience": 3, "sent": 2, "skipped": 1}
    assert not sink.to("leaving@example.org")


def test_cancelling_skips_what_was_not_sent(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    service.cancel(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 3, "skipped": 3}
    assert campaign.state == CampaignState.CANCELLED
    assert not sink.mails


def test_pausing_stops_and_resuming_goes_on(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    service.pause(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 3, "queued": 3}

    service.resume(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 3, "sent": 3}


def test_pausing_is_noticed_while_the_relay_says_nothing(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 100)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    queues.redis().flushdb()  # or the job would end soon, because a bell is waiting
    sink.hold("DOT")
    engine, campaign_id = db.engine, campaign.id
    noticed, forgotten = threading.Event(), threading.Event()
    ask = claims.goes_on

    def asked(connection: Connection, campaign_id: int) -> bool:
        goes_on = ask(connection, campaign_id)
        if not goes_on:
            noticed.set()
        return goes_on

    def pause() -> None:
        while not sink.holding:
            time.sleep(0.01)
        with engine.begin() as connection:
            connection.execute(db.text("UPDATE campaign SET state = 'paused'"))
        noticed.wait(30)
        time.sleep(0.5)  # until the loop has taken it in
        sink.behave()

    pausing = threading.Thread(target=pause)
    pausing.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "goes_on", asked)
        patch.setattr(ledger, "LOCK_SECONDS", 60.0)
        patch.setattr(Composer, "forget", lambda _composer: forgotten.set())
        jobs.send_campaign(campaign_id)
    pausing.join()

    found = fates(campaign_id)
    assert found["sent"] == len(sink.mails) <= 2 * 4, "what had begun, on each connection"
    assert found["queued"] == 100 - found["sent"]
    assert forgotten.is_set(), "mails are made ahead, but for rows that are held only"


def test_a_worker_asked_to_end_gives_its_claims_back_without_doubt(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 200)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    begun = threading.Thread(target=lambda: (sink.wait(20), stopping.set()))
    begun.start()

    try:
        jobs.send_campaign(campaign.id)
    finally:
        begun.join()
        stopping.clear()

    found = fates(campaign.id)
    assert found == {"audience": 200, "sent": found["sent"], "queued": 200 - found["sent"]}
    assert 20 <= found["sent"] == len(sink.mails) < 200


def test_dead_workers_leave_doubt_only_about_what_was_on_the_wire(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    with db.engine.begin() as connection:
        mine = claim(connection, campaign.id, 10)
        claims.turn(connection, [], mine[0].batch_id, mine[0].id)
    end_leases()

    sweep.sweep()

    assert fates(campaign.id) == {"audience": 3, "queued": 2, "in_doubt": 1}
    tries = {(row.state, row.attempt) for row in db.session.query(Delivery)}
    assert tries == {("queued", 0), ("in_doubt", 1)}


def test_a_worker_that_slept_through_its_lease_may_send_nothing(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    desk = Desk(db.engine, campaign.id)
    batch = desk.open_batch(10)
    assert batch is not None
    mine = list(batch.waiting)

    end_leases()
    asleep = desk.turn([], batch, mine)
    sweep.sweep()
    recovered = desk.turn([], batch, mine)
    batch.close()
    desk.close()

    assert asleep is recovered is False
    assert fates(campaign.id) == {"audience": 3, "queued": 3}


def test_a_late_answer_settles_a_doubt(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 1)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    with db.engine.begin() as connection:
        mine = claim(connection, campaign.id, 10)
        claims.turn(connection, [], mine[0].batch_id, mine[-1].id)
    end_leases()
    sweep.sweep()
    assert fates(campaign.id) == {"audience": 1, "in_doubt": 1}

    with db.engine.begin() as connection:
        claims.settle(connection, [Outcome(mine[0], DeliveryState.SENT, 250, "2.0.0")])

    assert fates(campaign.id) == {"audience": 1, "sent": 1}


def test_someone_not_measured_gets_straight_links_and_no_pixel(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter(measurement="all")
    make_recipient(newsletter, "measured@example.org")
    make_recipient(newsletter, "objected@example.org", measured=False)
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()

    (measured,), (objected,) = sink.to("measured@example.org"), sink.to("objected@example.org")
    assert re.search(r'<img src="[^"]+/o/[A-Za-z0-9]+-[A-Za-z0-9]+\.gif"', measured.html)
    assert re.search(r"/c/[A-Za-z0-9]+-[A-Za-z0-9]+/1", measured.text)
    assert "<img" not in objected.html
    assert "/c/" not in objected.html + objected.text
    assert "https://www.example.org/neues" in objected.text


def test_a_database_that_fails_in_the_middle_loses_no_fate(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 300)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def fail() -> None:
        sink.wait(60)
        with psycopg.connect(url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )

    failing = threading.Thread(target=fail)
    failing.start()
    with suppress(SQLAlchemyError):
        jobs.send_campaign(campaign.id)
    failing.join()
    db.session.rollback()

    found = fates(campaign.id)
    assert found["sent"] == len(sink.mails)
    assert "in_doubt" not in found

    end_leases()
    sweep.sweep()
    run_jobs()

    assert fates(campaign.id) == {"audience": 300, "sent": 300}
    assert len(sink.mails) == 300


@pytest.mark.parametrize("written", [False, True])
def test_a_turn_of_the_desk_that_fails_loses_no_fate(
    sink: Sink, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 200)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    turn, turns = Desk.turn, itertools.count(1)

    def fail_once(desk: Desk, outcomes: Any, batch: Any, window: Any) -> bool:
        failing = next(turns) == 3
        may = False if failing and not written else turn(desk, outcomes, batch, window)
        if failing:
            raise OperationalError("a statement", {}, Exception("the connection is gone"))
        return may

    monkeypatch.setattr(Desk, "turn", fail_once)
    jobs.send_campaign(campaign.id)

    found = fates(campaign.id)
    assert found["sent"] == len(sink.mails) < 200
    assert "in_doubt" not in found

    end_leases()
    sweep.sweep()
    run_jobs()

    assert fates(campaign.id) == {"audience": 200, "sent": 200}
    assert len(sink.mails) == 200


def test_the_end_of_a_slice_waits_for_the_replies_that_are_owed(
    sink: Sink, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 60)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    monkeypatch.setattr(delivering, "LAST_WORDS_SECONDS", 0.0)
    monkeypatch.setattr(jobs.Patience, "over", lambda _self: len(sink.mails) >= 5)

    jobs.send_campaign(campaign.id)

    found = fates(campaign.id)
    assert 5 <= found["sent"] == len(sink.mails) < 60
    assert set(found) == {"audience", "sent", "queued"}


@pytest.mark.parametrize(("waits", "ends"), [("itself", False), ("another campaign", True), ("a confirmation", True)])
def test_a_slice_ends_for_others_who_wait_and_not_for_its_own_campaign(
    app: Flask, monkeypatch: pytest.MonkeyPatch, waits: str, ends: bool
) -> None:
    """
    Given a worker that has sent one campaign for a while
    When a bell rings
    Then it makes room for another campaign and for a confirmation, and keeps its lines for its own.
    """
    monkeypatch.setattr(jobs, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.0)
    patience = jobs.Patience(1)
    bells: dict[str, tuple[str, queues.JobFunction, int]] = {
        "itself": (queues.CAMPAIGNS, jobs.send_campaign, 1),
        "another campaign": (queues.CAMPAIGNS, jobs.send_campaign, 11),
        "a confirmation": (queues.MAIL, optin_jobs.send_confirmation, 1),
    }

    queues.ring(*bells[waits])

    assert patience.over() is ends


def test_a_slice_does_not_ring_where_its_campaign_waits_already(
    app: Flask, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a campaign of which the worker hears one bell while another one waits
    When the slice ends, and more is due
    Then one bell waits: with two it would have two turns for each of another campaign.
    """
    newsletter = make_newsletter()
    make_recipients(newsletter, 60)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    monkeypatch.setattr(jobs.Patience, "over", lambda _self: len(sink.mails) >= 5)

    jobs.send_campaign(campaign.id)

    assert fates(campaign.id)["queued"]
    assert queues.waiting(queues.CAMPAIGNS) == 1


def test_a_relay_that_limits_mails_per_connection_gets_new_ones(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 100)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    limiting = threading.Thread(
        target=lambda: (sink.wait(30), sink.refuse("421 4.7.0 enough on this connection", phase="MAIL", times=6))
    )
    limiting.start()

    run_jobs()
    limiting.join()

    assert fates(campaign.id) == {"audience": 100, "sent": 100}
    assert len(sink.mails) == 100


def test_a_relay_that_closes_at_once_is_left_alone_for_a_while(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 30)
    campaign = make_campaign(newsletter)
    sink.refuse("421 4.3.2 not now", phase="MAIL")

    service.send(campaign)
    run_jobs()

    assert fates(campaign.id) == {"audience": 30, "queued": 30}
    assert sink.connections <= 8


@pytest.mark.parametrize("phase", ["RCPT", "DOT"])
def test_a_mail_at_which_the_relay_always_closes_waits_like_one_refused_for_now(
    sink: Sink, run_jobs: RunJobs, phase: str
) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "closing@example.org")
    make_recipients(newsletter, 4)
    campaign = make_campaign(newsletter)
    sink.refuse("421 4.3.2 closing", address="closing@example.org", phase=phase)

    service.send(campaign)
    for _ in range(8):
        run_jobs()
        end_rest()
        sweep.sweep()

    found = fates(campaign.id)
    assert "queued" not in found
    # Those behind it on the same connection may have to wait, too.
    assert found["sent"] + found["deferred"] == 5
    assert db.session.query(Delivery).filter_by(state="deferred", reply_code=421).count() == 1


def test_a_missing_key_pauses_and_fails_nobody(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 30)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    db.session.execute(db.text("UPDATE recipient SET address_sealed = 'sealed with a key that nobody has any more'"))
    db.session.commit()

    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED
    assert campaign.pause_reason == KEYS
    assert fates(campaign.id) == {"audience": 30, "queued": 30}


def test_a_campaign_no_mail_can_be_made_of_pauses_and_says_why(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    newsletter.from_name = "Stadt\nwerke"
    db.session.commit()

    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.PAUSED
    assert "From" in str(campaign.pause_reason)
    assert fates(campaign.id) == {"audience": 3, "queued": 3}


def test_a_long_pause_takes_no_time_from_the_retries(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    campaign.started_at = utcnow() - timedelta(days=3)
    db.session.commit()
    sink.refuse("450 4.2.1 later")

    run_jobs()
    assert fates(campaign.id) == {"audience": 3, "deferred": 3}

    late = "UPDATE delivery SET deferred_since = now() - interval '49 hours', not_before = now()"
    db.session.execute(db.text(late))
    db.session.commit()
    sweep.sweep()
    run_jobs()
    assert fates(campaign.id) == {"audience": 3, "failed": 3}


def test_the_sweep_rings_for_every_campaign(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaigns = [make_campaign(newsletter) for _ in range(3)]
    for campaign in campaigns:
        service.send(campaign)
    queues.redis().flushdb()

    sweep.sweep()
    run_jobs()

    assert all(fates(campaign.id) == {"audience": 3, "sent": 3} for campaign in campaigns)


def test_the_sweep_does_not_ring_for_what_a_worker_has_in_hand(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    with db.engine.begin() as connection:
        claim(connection, campaign.id, 1)
    queues.redis().flushdb()

    sweep.sweep()
    in_hand = queues.waiting(queues.CAMPAIGNS)
    db.session.execute(db.text("UPDATE batch SET lease_until = lease_until - interval '30 seconds'"))
    db.session.commit()
    sweep.sweep()

    assert (in_hand, queues.waiting(queues.CAMPAIGNS)) == (0, 1)


def test_a_mail_that_a_late_answer_brings_back_is_sent(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    service.send(campaign)
    with db.engine.begin() as connection:
        mine = claim(connection, campaign.id, 1)
        claims.turn(connection, [], mine[0].batch_id, mine[0].id)
    end_leases()
    sweep.sweep()
    run_jobs()
    db.session.refresh(campaign)
    assert campaign.state == CampaignState.SENT

    with db.engine.begin() as connection:
        claims.settle(connection, [Outcome(mine[0], DeliveryState.QUEUED)])
    sweep.sweep()
    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.SENT
    assert fates(campaign.id) == {"audience": 2, "sent": 2}


def test_who_leaves_in_the_moment_of_the_start_is_left_out(sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    leaving, *_others = make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    recipient_id, engine = leaving.id, db.engine
    gone = threading.Event()

    def leave() -> None:
        with engine.begin() as connection:
            connection.execute(db.text("DELETE FROM recipient WHERE id = :id"), {"id": recipient_id})
            gone.set()
            time.sleep(0.5)  # the start is to meet a departure that is not committed yet

    thread = threading.Thread(target=leave)
    thread.start()
    gone.wait(5)
    service.send(campaign)
    thread.join()
    run_jobs()

    assert fates(campaign.id) == {"audience": 2, "sent": 2}
