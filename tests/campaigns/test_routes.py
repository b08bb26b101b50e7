"""The staff pages of campaigns: write, look, test, send, watch, stop, and read what came of it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from newsletter.campaigns import service
from newsletter.campaigns.models import Campaign, CampaignReply, CampaignState, DeliveryState, ProgressMark
from newsletter.core.db import db, utcnow
from newsletter.staff import accounts, audit
from newsletter.tracking import steps
from newsletter.tracking.models import ANY_CLICK, OPEN, Link, MeasurementKey, Tally
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipients
from tests.outages import counting_queries
from tests.sink import Sink
from tests.staff.signing_in import post, signed_in

CANARY = "<script>alert('canary')</script>"
TEXT = {"subject": "News", "preheader": "and more", "markdown": "Read [this](https://www.example.org/a)."}


@pytest.fixture
def staff(quick_passwords: None, client: FlaskClient) -> FlaskClient:
    return signed_in(client)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"argon2__time_cost": 1, "argon2__memory_cost": 1024}
    monkeypatch.setitem(accounts.SETTINGS, "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS", quick)


def path_of(campaign: Campaign, end: str = "") -> str:
    return f"/staff/campaigns/{service.public_id(campaign)}{end}"


def state_of(campaign: Campaign) -> CampaignState:
    db.session.refresh(campaign)
    return campaign.state


def only_campaign() -> Campaign:
    return db.session.execute(db.select(Campaign)).scalar_one()


def test_a_campaign_is_written_and_changed(staff: FlaskClient) -> None:
    newsletter = make_newsletter()

    first = post(staff, "/staff/campaigns/new", newsletter=newsletter.slug, then="edit", **TEXT)
    campaign = only_campaign()
    assert first.location == path_of(campaign, "/edit")
    second = post(staff, path_of(campaign, "/edit"), then="check", **TEXT | {"subject": "Other news"})

    assert second.location == path_of(campaign)
    assert (only_campaign().subject, only_campaign().markdown) == ("Other news", TEXT["markdown"])
    assert "Other news" in staff.get(second.location).text


def test_an_error_stands_at_its_field_and_the_text_stays(staff: FlaskClient) -> None:
    campaign = make_campaign(subject="Before")

    page = post(staff, path_of(campaign, "/edit"), subject="x" * 201, preheader="", markdown="[a](nowhere)")

    assert page.status_code == 422
    assert 'id="e-subject"' in page.text
    assert 'id="e-markdown"' in page.text
    assert "[a](nowhere)" in page.text
    db.session.refresh(campaign)
    assert campaign.subject == "Before"


def test_a_text_may_be_longer_than_forms_of_the_public(staff: FlaskClient) -> None:
    campaign = make_campaign()
    long = "ü" * 150_000

    answer = post(staff, path_of(campaign, "/edit"), subject="Long", preheader="", markdown=long)

    assert answer.status_code == 302
    db.session.refresh(campaign)
    assert campaign.markdown == long


def test_the_preview_shows_unsaved_text_to_a_person_of_one_s_choice(staff: FlaskClient) -> None:
    slug = make_newsletter().slug

    shown = {
        (person, part): post(staff, "/staff/campaigns/preview", newsletter=slug, person=person, part=part, **TEXT).text
        for person in ("doctor", "names", "nobody")
        for part in ("html", "text")
    }

    for part in ("html", "text"):
        assert "Sehr geehrte Frau Dr. Müller" in shown["doctor", part]
        assert "Guten Tag Kim Beispiel" in shown["names", part]
        assert "Guten Tag," in shown["nobody", part]
    assert "<pre>" in shown["doctor", "text"]
    assert db.session.query(Campaign).count() == 0


def test_the_preview_can_run_nothing_and_load_nothing_from_elsewhere(staff: FlaskClient) -> None:
    campaign = make_campaign(subject=CANARY, preheader=CANARY, markdown=f"Hello {CANARY}")

    for part in ("html", "text"):
        answer = staff.get(path_of(campaign, "/preview"), query_string={"part": part})
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox ")
        assert "allow-scripts" not in policy
        assert "default-src 'none'" in policy
        assert "https:" not in policy
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert "<script" not in answer.text


def test_the_preview_says_what_is_wrong_with_the_text(staff: FlaskClient) -> None:
    slug = make_newsletter().slug

    answer = post(staff, "/staff/campaigns/preview", newsletter=slug, subject="", preheader="", markdown="[a](b)")

    assert answer.status_code == 422
    assert "https://" in answer.text


def test_markup_in_a_campaign_stays_text_on_every_page(staff: FlaskClient) -> None:
    newsletter = make_newsletter(title=CANARY)
    make_recipients(newsletter, 1)
    campaign = make_campaign(newsletter, subject=CANARY, preheader=CANARY, markdown=CANARY)

    for path in ("/staff/", "/staff/campaigns", *(path_of(campaign, end) for end in ("", "/edit", "/send", "/delete"))):
        page = staff.get(path).text
        assert CANARY not in page, path
        assert path.endswith("/delete") or "&lt;script&gt;" in page, path


def test_what_is_missing_blocks_the_sending_and_is_named(staff: FlaskClient) -> None:
    campaign = make_campaign(make_newsletter(imprint=""), subject="", markdown="")

    page = staff.get(path_of(campaign)).text
    assert page.count('class="check-error"') == 3
    assert page.count('class="check-warning"') == 2
    assert path_of(campaign, "/send") not in page

    answer = post(staff, path_of(campaign, "/send"))
    assert answer.status_code == 422
    assert state_of(campaign) is CampaignState.DRAFT


def test_a_test_mail_goes_to_the_addresses_given_and_is_remembered(
    staff: FlaskClient, sink: Sink, run_jobs: Callable[[], int]
) -> None:
    campaign = make_campaign()
    assert 'class="check-warning"' in staff.get(path_of(campaign)).text

    answer = post(staff, path_of(campaign, "/test"), to="a@example.org, b@example.org; c@example.org")
    run_jobs()

    assert answer.status_code == 302
    assert sorted(mail.to[0] for mail in sink.mails) == ["a@example.org", "b@example.org", "c@example.org"]
    assert 'class="check-warning"' not in staff.get(path_of(campaign)).text
    assert "example.org" not in audit.latest()[0].subject


def test_a_test_mail_is_remembered_when_the_subject_changes_and_for_its_campaign_only(staff: FlaskClient) -> None:
    campaign, other = make_campaign(**TEXT), make_campaign(**TEXT)
    post(staff, path_of(campaign, "/test"), to="a@example.org")

    post(staff, path_of(campaign, "/edit"), **TEXT | {"subject": "Other news"})

    assert "A test mail was sent." in staff.get(path_of(campaign)).text
    assert "No test mail was sent yet." in staff.get(path_of(other)).text
    entries = [(entry.action, entry.subject) for entry in audit.latest(2)]
    public_id = service.public_id(campaign)
    assert entries == [("campaign.change", f"{public_id} Other news"), ("campaign.test", f"{public_id} News")]


@pytest.mark.parametrize("to", ["", "nobody", "a@example.org " * 6])
def test_wrong_addresses_of_a_test_mail_are_said_at_the_field(staff: FlaskClient, to: str) -> None:
    campaign = make_campaign()

    page = post(staff, path_of(campaign, "/test"), to=to)

    assert page.status_code == 422
    assert 'id="e-to"' in page.text


def test_before_sending_one_is_asked_with_the_number_of_recipients(
    staff: FlaskClient, sink: Sink, run_jobs: Callable[[], int]
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 7)
    campaign = make_campaign(newsletter)

    question = staff.get(path_of(campaign, "/send"))
    assert ">Send to 7 recipients</button>" in question.text
    assert state_of(campaign) is CampaignState.DRAFT

    assert post(staff, path_of(campaign, "/send")).location == path_of(campaign)
    run_jobs()
    assert len(sink.mails) == 7
    assert state_of(campaign) is CampaignState.SENT


def test_a_second_sending_is_refused_with_a_clear_word(staff: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)
    post(staff, path_of(campaign, "/send"))

    again = [post(staff, path_of(campaign, "/send")), staff.get(path_of(campaign, "/send"))]

    assert {answer.status_code for answer in again} == {409}
    assert all("being sent already" in answer.text for answer in again)


def test_a_campaign_can_be_sent_later_by_its_newsletter_s_clock_and_called_off(staff: FlaskClient) -> None:
    newsletter = make_newsletter(time_zone="Europe/Lisbon")
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)

    assert "Day and time (Europe/Lisbon)" in staff.get(path_of(campaign, "/send")).text
    assert post(staff, path_of(campaign, "/send"), at="not a time").status_code == 422
    post(staff, path_of(campaign, "/send"), at="2030-07-01T08:00")

    assert state_of(campaign) is CampaignState.SCHEDULED
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.isoformat().startswith("2030-07-01T07:00")
    assert "1 Jul 2030, 08:00 (Europe/Lisbon)" in staff.get(path_of(campaign)).text
    assert "Europe/Lisbon" in staff.get("/staff/campaigns").text
    post(staff, path_of(campaign, "/cancel"))
    assert state_of(campaign) is CampaignState.CANCELLED


def test_a_time_that_does_not_exist_or_comes_twice_is_said_to_and_stays_in_the_field(staff: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)
    campaign = make_campaign(newsletter)

    for at, words in (("2030-03-31T02:30", "does not exist"), ("2030-10-27T02:30", "comes twice")):
        answer = post(staff, path_of(campaign, "/send"), at=at)
        assert answer.status_code == 422
        assert words in answer.text
        assert f'value="{at}"' in answer.text
    assert state_of(campaign) is CampaignState.DRAFT


def test_the_page_of_a_paused_campaign_says_what_to_do_and_what_the_relay_said(staff: FlaskClient) -> None:
    campaign = make_campaign(
        state=CampaignState.PAUSED, started_at=utcnow(), pause_reason="too many mails are refused: 550 5.1.1"
    )
    db.session.add(CampaignReply(campaign_id=campaign.id, code=550, status="5.1.1"))
    db.session.commit()

    page = staff.get(path_of(campaign)).text

    assert "too many mails are refused (550 5.1.1)." in page
    assert "Nobody was removed" in page
    assert "there is no such address" in page
    assert "there is no such address" in staff.get(path_of(campaign, "/progress")).text


def test_pause_resume_and_cancel_stand_where_they_can_be_used(staff: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 3)
    campaign = make_campaign(newsletter)
    post(staff, path_of(campaign, "/send"))

    post(staff, path_of(campaign, "/pause"))
    assert state_of(campaign) is CampaignState.PAUSED
    assert path_of(campaign, "/resume") in staff.get(path_of(campaign)).text
    assert post(staff, path_of(campaign, "/pause")).status_code == 409

    post(staff, path_of(campaign, "/resume"))
    assert state_of(campaign) is CampaignState.SENDING

    assert "3" in staff.get(path_of(campaign, "/cancel")).text
    post(staff, path_of(campaign, "/cancel"))
    assert state_of(campaign) is CampaignState.CANCELLED
    assert post(staff, path_of(campaign, "/resume")).status_code == 409


def test_the_progress_is_shown_by_state_and_asks_for_more(staff: FlaskClient) -> None:
    campaign = make_campaign(state=CampaignState.SENDING, started_at=utcnow() - timedelta(minutes=1))
    for state in (DeliveryState.SENT, DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.QUEUED):
        make_delivery(campaign, state=state)
    for ago, settled in ((40, 0), (20, 1), (10, 2)):
        at = utcnow() - timedelta(seconds=ago)
        db.session.add(ProgressMark(campaign_id=campaign.id, at=at, settled=settled))
    db.session.commit()

    page = staff.get(path_of(campaign)).text
    part = staff.get(path_of(campaign, "/progress")).text

    assert f'data-live="{path_of(campaign, "/progress")}"' in page
    for text in (page, part):
        assert 'max="4" value="3"' in text
        assert "6 a minute" in text
        assert "about a minute left" in text


def test_what_is_in_doubt_is_explained_and_sent_again_only_when_asked(
    staff: FlaskClient, sink: Sink, run_jobs: Callable[[], int]
) -> None:
    newsletter = make_newsletter()
    campaign = make_campaign(newsletter, state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())
    for recipient in make_recipients(newsletter, 2):
        make_delivery(campaign, recipient, state=DeliveryState.IN_DOUBT, attempt=1)

    assert path_of(campaign, "/resend") in staff.get(path_of(campaign)).text
    assert "twice" in staff.get(path_of(campaign, "/resend")).text
    assert sink.mails == []

    post(staff, path_of(campaign, "/resend"))
    run_jobs()
    assert len(sink.mails) == 2


def test_a_draft_can_be_deleted_and_a_sent_campaign_can_t(staff: FlaskClient) -> None:
    draft = make_campaign()
    sent = make_campaign(state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())

    assert post(staff, path_of(draft, "/delete")).location == "/staff/campaigns"
    assert post(staff, path_of(sent, "/delete")).status_code == 409

    assert only_campaign() == sent
    assert staff.get(path_of(sent, "/edit")).location == path_of(sent)
    assert post(staff, path_of(sent, "/edit"), **TEXT).status_code == 409


def test_the_report_shows_figures_and_withholds_small_ones(staff: FlaskClient) -> None:
    began_at = utcnow().replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    campaign = make_campaign(state=CampaignState.SENT, started_at=began_at, finished_at=began_at)
    db.session.add(MeasurementKey(campaign_id=campaign.id, key_sealed=None, ends_at=utcnow()))
    for number, url in enumerate(("https://a.example/", "https://b.example/", "https://c.example/"), 1):
        db.session.add(Link(campaign_id=campaign.id, number=number, url=url))
    for link, unique, total in ((OPEN, 20, 31), (ANY_CLICK, 4, 0), (1, 4, 6)):
        db.session.add(Tally(campaign_id=campaign.id, link=link, hour=began_at, unique=unique, total=total))
    db.session.flush()
    steps.take([campaign.id])
    for _ in range(40):
        make_delivery(campaign, state=DeliveryState.SENT)

    page = staff.get(path_of(campaign)).text

    assert "at least 50.0% of the delivered" in page
    assert re.search(r'<dt>Clicked</dt><dd class="withheld">not shown</dd>', page)
    assert page.count("not shown") >= 3
    assert '<svg class="chart"' in page
    assert "style=" not in page
    assert 'data-live="' not in page


def test_a_campaign_that_was_not_measured_says_so(staff: FlaskClient) -> None:
    campaign = make_campaign(state=CampaignState.SENT, started_at=utcnow(), finished_at=utcnow())

    page = staff.get(path_of(campaign)).text

    assert "are not measured" in page
    assert '<svg class="chart"' not in page


def test_the_list_can_be_narrowed_to_a_newsletter_and_a_state(staff: FlaskClient) -> None:
    one, other = make_newsletter(slug="one"), make_newsletter(slug="other")
    make_campaign(one, subject="First draft")
    make_campaign(one, subject="First sent", state=CampaignState.SENT, started_at=utcnow())
    make_campaign(other, subject="Second draft")

    narrowed = staff.get("/staff/campaigns?newsletter=one&state=draft").text

    assert "First draft" in narrowed
    assert "First sent" not in narrowed
    assert "Second draft" not in narrowed
    assert "First sent" in staff.get("/staff/campaigns?state=sent").text
    assert staff.get("/staff/campaigns?newsletter=none&state=nonsense").status_code == 200


@pytest.mark.parametrize("path", ["/staff/", "/staff/campaigns", "/staff/newsletters/"])
def test_a_list_asks_the_database_no_more_for_more_rows(staff: FlaskClient, path: str) -> None:
    newsletter = make_newsletter()
    make_delivery(make_campaign(newsletter, state=CampaignState.SENT, started_at=utcnow()))
    staff.get(path)
    with counting_queries() as few:
        staff.get(path)

    for _ in range(3):
        another = make_newsletter()
        make_delivery(make_campaign(another, state=CampaignState.SENT, started_at=utcnow()))
    with counting_queries() as many:
        page = staff.get(path).text

    assert page.count(another.title) >= 4
    assert len(few) == len(many) > 0


def test_the_overview_shows_the_latest_campaigns(staff: FlaskClient) -> None:
    newsletter = make_newsletter()
    for number in range(10, 20):
        make_campaign(newsletter, subject=f"Issue {number}")

    page = staff.get("/staff/").text

    assert re.findall("Issue 1[0-9]", page) == [f"Issue {number}" for number in range(19, 11, -1)]


@pytest.mark.parametrize("end", ["", "/edit", "/send", "/preview", "/progress", "/cancel", "/delete", "/resend"])
def test_an_unknown_campaign_is_404_in_the_staff_frame(staff: FlaskClient, end: str) -> None:
    answer = staff.get(f"/staff/campaigns/unknown{end}")

    assert answer.status_code == 404
    assert "/staff/logout" in answer.text


def test_acts_on_campaigns_are_noted(staff: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 1)
    post(staff, "/staff/campaigns/new", newsletter=newsletter.slug, **TEXT)
    campaign = only_campaign()
    for act in ("send", "pause", "cancel"):
        post(staff, path_of(campaign, f"/{act}"))

    noted = [(entry.actor, entry.action) for entry in audit.latest(4)]

    assert noted == [("marketing@staff.example", f"campaign.{act}") for act in ("cancel", "pause", "send", "create")]
