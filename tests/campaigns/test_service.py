"""What staff may do with a campaign, and what they are told when they may not."""

from datetime import timedelta

import pytest
from flask import Flask

from newsletter.campaigns import audience, service, sweep
from newsletter.campaigns.counts import counts
from newsletter.campaigns.models import Campaign, CampaignState, DeliveryState
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Conflict, Invalid, NotFound
from tests.campaigns.test_delivering import RunJobs
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient, make_recipients
from tests.sink import Sink


def test_everything_that_is_missing_is_named_at_once(app: Flask) -> None:
    campaign = service.create(make_newsletter(), {})

    with pytest.raises(Invalid) as error:
        service.send(campaign)

    assert set(error.value.errors) == {"subject", "markdown", "newsletter"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"subject": "a\r\nBcc: x@example.org"}, "subject"),
        ({"subject": "a\u2028b"}, "subject"),
        ({"preheader": "a\nb"}, "preheader"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": 7}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"markdown": "a\0b"}, "markdown"),
        ({"markdown": "[hier](weg)"}, "markdown"),
        ({"markdown": "![](https://elsewhere.example/x.png)"}, "markdown"),
        ({"betreff": "x"}, "betreff"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(app: Flask, values: dict[str, object], field: str) -> None:
    campaign = make_campaign(subject="Vorher")

    with pytest.raises(Invalid) as error:
        service.change(campaign, {"preheader": "neu"} | values)

    assert set(error.value.errors) == {field}
    db.session.refresh(campaign)
    assert campaign.preheader != "neu"


def test_a_campaign_can_be_changed_until_its_sending_begins(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter)
    campaign = make_campaign(newsletter)
    service.change(campaign, {"subject": "Neuer Betreff"})
    assert campaign.subject == "Neuer Betreff"
    service.send(campaign)

    with pytest.raises(Conflict):
        service.change(campaign, {"subject": "Zu spät"})
    with pytest.raises(Conflict):
        service.delete(campaign)

    assert campaign.subject == "Neuer Betreff"


def test_deleting_a_draft_leaves_nothing(app: Flask) -> None:
    campaign = make_campaign()
    word = service.public_id(campaign)

    service.delete(campaign)

    with pytest.raises(NotFound):
        service.by_public_id(word)


@pytest.mark.parametrize("word", ["", "x", "0", "a" * 65, "ü", "../..", "%00"])
def test_an_unknown_id_is_not_found(app: Flask, word: str) -> None:
    with pytest.raises(NotFound):
        service.by_public_id(word)


def test_the_wrong_state_is_a_conflict(app: Flask) -> None:
    campaign = make_campaign()

    for call in (service.pause, service.resume, service.cancel):
        with pytest.raises(Conflict):
            call(campaign)

    assert campaign.state == CampaignState.DRAFT


def test_the_audience_is_settled_at_the_start(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    service.send(campaign)

    make_recipient(newsletter, "late@example.org")
    run_jobs()

    assert counts(campaign.id)["audience"] == 2
    assert not sink.to("late@example.org")


def test_a_scheduled_campaign_starts_when_its_time_has_come(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)

    service.send(campaign, at=utcnow() + timedelta(hours=1))
    sweep.start_due()
    run_jobs()
    assert campaign.state == CampaignState.SCHEDULED
    assert not sink.mails

    campaign.scheduled_at = utcnow() - timedelta(seconds=1)
    db.session.commit()
    sweep.start_due()
    run_jobs()
    db.session.refresh(campaign)
    assert campaign.state == CampaignState.SENT
    assert len(sink.mails) == 2


def test_a_time_that_has_passed_sends_to_nobody(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter)
    campaign = make_campaign(newsletter)

    with pytest.raises(Invalid) as error:
        service.send(campaign, at=utcnow() - timedelta(days=365))

    assert set(error.value.errors) == {"at"}
    assert campaign.state == CampaignState.DRAFT


def test_a_scheduled_campaign_without_recipients_becomes_a_draft_that_says_why(app: Flask) -> None:
    newsletter = make_newsletter()
    recipient = make_recipient(newsletter)
    campaign = make_campaign(newsletter)
    service.send(campaign, at=utcnow() + timedelta(hours=1))
    db.session.delete(recipient)
    campaign.scheduled_at = utcnow() - timedelta(seconds=1)
    db.session.commit()

    sweep.start_due()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.DRAFT
    assert campaign.pause_reason


@pytest.mark.parametrize("field", ["subject", "markdown"])
def test_a_scheduled_campaign_that_was_emptied_becomes_a_draft_that_says_why(
    app: Flask, sink: Sink, run_jobs: RunJobs, field: str
) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter)
    campaign = make_campaign(newsletter)
    service.send(campaign, at=utcnow() + timedelta(hours=1))
    service.change(campaign, {field: ""})
    campaign.scheduled_at = utcnow() - timedelta(seconds=1)
    db.session.commit()

    sweep.start_due()
    run_jobs()

    db.session.refresh(campaign)
    assert campaign.state == CampaignState.DRAFT
    assert campaign.pause_reason
    assert not sink.mails


def test_a_due_campaign_that_fails_holds_up_none_behind_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter)
    due = utcnow() - timedelta(seconds=1)
    campaigns = [make_campaign(newsletter, state=CampaignState.SCHEDULED, scheduled_at=due) for _ in range(3)]
    failing = campaigns[1].id
    snapshot = audience.snapshot

    def fail(campaign: Campaign) -> int:
        return 1 // 0 if campaign.id == failing else snapshot(campaign)

    monkeypatch.setattr(audience, "snapshot", fail)
    with pytest.raises(ZeroDivisionError):
        sweep.start_due()

    db.session.expire_all()
    assert [campaign.state for campaign in campaigns] == ["sending", "scheduled", "sending"]
    assert f"campaign {failing} can't be started: ZeroDivisionError" in caplog.text


def test_what_is_in_doubt_of_a_cancelled_campaign_is_not_said_to_wait_for_a_resume(app: Flask) -> None:
    newsletter = make_newsletter()
    said: list[str] = []

    for state in (CampaignState.PAUSED, CampaignState.CANCELLED):
        campaign = make_campaign(newsletter, state=state)
        make_delivery(campaign, make_recipient(newsletter), state=DeliveryState.IN_DOUBT)
        with pytest.raises(Conflict) as refused:
            service.resend_in_doubt(campaign)
        said.append(str(refused.value))
        assert counts(campaign.id)["in_doubt"] == 1

    assert said[0] == "Please resume the campaign first."
    assert "was cancelled" in said[1]


def test_what_a_cancelled_campaign_left_is_skipped_however_late(app: Flask) -> None:
    newsletter = make_newsletter()
    campaign = make_campaign(newsletter, state=CampaignState.CANCELLED, updated_at=utcnow() - timedelta(hours=2))
    make_delivery(campaign, make_recipient(newsletter), state=DeliveryState.QUEUED)

    sweep.sweep()

    numbers = counts(campaign.id)
    assert (numbers["queued"], numbers["skipped"]) == (0, 1)


def test_a_test_mail_is_marked_unmeasured_and_harmless(app: Flask, sink: Sink, run_jobs: RunJobs) -> None:
    newsletter = make_newsletter(measurement="all")
    make_recipient(newsletter)
    campaign = make_campaign(newsletter, subject="Neues im November")

    service.send_test(campaign, ["one@example.org", "two@example.org", "ONE@example.org"])
    run_jobs()

    assert [mail.subject for mail in sink.mails] == ["[Test] Neues im November"] * len(sink.mails)
    assert "<img" not in sink.mails[0].html
    assert "/c/" not in sink.mails[0].html
    answer = app.test_client().post("/u/preview", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert counts(campaign.id)["audience"] == 0


@pytest.mark.parametrize(
    "addresses", [[], ["a@example.org"] * 6, ["nobody"], ["a@example.org, b@example.org"], [7], ["a@example.org\n"] * 0]
)
def test_a_test_mail_to_nobody_or_too_many_is_refused(app: Flask, addresses: list[object]) -> None:
    campaign = make_campaign()

    with pytest.raises(Invalid) as error:
        service.send_test(campaign, addresses)

    assert set(error.value.errors) == {"to"}
