"""Campaigns over the API."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from flask import Flask

from newsletter.campaigns import service
from newsletter.campaigns.models import Campaign, CampaignReply, CampaignState, DeliveryState, ProgressMark
from newsletter.core.db import db, utcnow
from newsletter.recipients.models import Newsletter
from tests.api.conftest import Api
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient, make_recipients
from tests.outages import counting_queries
from tests.sink import Sink

NONE = dict.fromkeys(("audience", *DeliveryState), 0)
CONTENT = {"subject": "Der neue Wärmeplan", "preheader": "Was sich ändert", "markdown": "# Guten Tag\n\nNeues."}


def ready(number: int = 2) -> Newsletter:
    newsletter = make_newsletter()
    make_recipients(newsletter, number)
    return newsletter


def draft(newsletter: Newsletter | None = None, **values: Any) -> str:
    return f"/campaigns/{service.public_id(make_campaign(newsletter or ready(), **values))}"


def test_a_draft_is_made_and_answered_with_its_id_state_and_counts(api: Api) -> None:
    newsletter = make_newsletter()

    made = api.post("/campaigns", {"newsletter": newsletter.slug, **CONTENT})

    assert made.status_code == 201
    assert made.json.items() >= (CONTENT | {"newsletter": newsletter.slug, "state": "draft", "counts": NONE}).items()
    assert made.headers["Location"].endswith(f"/api/v1/campaigns/{made.json['id']}")
    assert api.get(f"/campaigns/{made.json['id']}").json == made.json


def test_a_campaign_says_how_fast_it_goes_and_what_the_relay_said(api: Api) -> None:
    campaign = make_campaign(ready(), state=CampaignState.SENDING, started_at=utcnow())
    make_delivery(campaign)
    db.session.add(ProgressMark(campaign_id=campaign.id, at=utcnow() - timedelta(seconds=20), settled=0))
    db.session.add(CampaignReply(campaign_id=campaign.id, code=250, status="2.0.0"))
    for _ in range(5):
        make_delivery(campaign, state=DeliveryState.SENT)

    answer = api.get(f"/campaigns/{service.public_id(campaign)}").json

    assert 10 <= answer["progress"]["rate_per_minute"] <= 15
    assert answer["progress"]["minutes_left"] == 1
    assert [(reply["code"], reply["status"]) for reply in answer["replies"]] == [(250, "2.0.0")]
    assert api.get("/campaigns").json[0]["replies"] == answer["replies"]


def test_a_draft_may_be_empty(api: Api) -> None:
    newsletter = make_newsletter()

    made = api.post("/campaigns", {"newsletter": newsletter.slug})

    assert made.status_code == 201
    assert (made.json["subject"], made.json["markdown"]) == ("", "")


def test_wrong_fields_are_named_all_at_once(api: Api) -> None:
    answer = api.post("/campaigns", {"newsletter": "nothing", "subject": "a\nb", "preheader": 1})

    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"newsletter", "subject", "preheader"}


def test_the_newsletter_must_be_named(api: Api) -> None:
    for wrong in ({}, {"newsletter": None}, {"newsletter": 1}, {"newsletter": ["a"]}, {"newsletter": ""}):
        answer = api.post("/campaigns", {**CONTENT, **wrong})

        assert answer.status_code == 422, wrong
        assert set(answer.json["errors"]) == {"newsletter"}


def test_content_that_can_not_be_mailed_is_refused(api: Api) -> None:
    newsletter = make_newsletter()
    wrong = [
        ("subject", "x" * 201),
        ("subject", "a\r\nBcc: b@example.org"),
        ("subject", None),
        ("preheader", "a\u2028b"),
        ("markdown", "[x](javascript:alert(1))"),
        ("markdown", "[x](/relative)"),
        ("markdown", "x" * 200_001),
        ("markdown", 1),
        ("blocks", "text"),
        ("blocks", [{"type": "script"}]),
        ("blocks", [{"type": ["text"]}]),
        ("blocks", ["text"]),
        ("blocks", [{"type": "text"}]),
        ("blocks", [{"type": "text", "markdown": "a", "more": "b"}]),
        ("blocks", [{"type": "heading", "text": 1}]),
        ("blocks", [{"type": "heading", "text": "a\nb"}]),
        ("blocks", [{"type": "button", "text": "a", "url": "javascript:alert(1)"}]),
        ("blocks", [{"type": "button", "text": "a", "url": "https://example.org/> b"}]),
        ("blocks", [{"type": "button", "text": "", "url": "https://example.org/"}]),
        ("blocks", [{"type": "divider"}] * 201),
    ]

    for field, value in wrong:
        answer = api.post("/campaigns", {"newsletter": newsletter.slug, field: value})

        assert answer.status_code == 422, (field, str(value)[:60])
        assert set(answer.json["errors"]) == {field}
    assert api.get("/campaigns").json == []


def test_blocks_are_kept_as_markdown(api: Api) -> None:
    newsletter = make_newsletter()
    blocks = [
        {"type": "heading", "text": "Strom & *Wärme* [1]"},
        {"type": "text", "markdown": "Ein **Absatz**."},
        {"type": "divider"},
        {"type": "button", "text": "Zum Plan", "url": "https://example.org/plan_(1)"},
    ]

    made = api.post("/campaigns", {"newsletter": newsletter.slug, "blocks": blocks})

    assert made.status_code == 201
    assert made.json["markdown"] == (
        "## Strom \\& \\*Wärme\\* \\[1\\]\n\nEin **Absatz**.\n\n---\n\n[Zum Plan](<https://example.org/plan_(1)>)"
    )


def test_markdown_and_blocks_exclude_each_other(api: Api) -> None:
    newsletter = make_newsletter()

    answer = api.post("/campaigns", {"newsletter": newsletter.slug, "markdown": "a", "blocks": []})

    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"blocks"}


def test_the_list_can_be_of_one_newsletter(api: Api) -> None:
    one, other = make_newsletter(), make_newsletter()
    first, second, third = draft(one), draft(other), draft(one)

    every = [f"/campaigns/{each['id']}" for each in api.get("/campaigns").json]
    of_one = [f"/campaigns/{each['id']}" for each in api.get(f"/campaigns?newsletter={one.slug}").json]

    assert every == [third, second, first]
    assert of_one == [third, first]
    assert api.get("/campaigns?newsletter=nothing").status_code == 404
    assert api.get("/campaigns?newsletter=%00").status_code == 404


def test_a_change_touches_the_named_fields_only(api: Api) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    path = draft(newsletter, subject="Alt", preheader="Bleibt")

    changed = api.patch(path, {"subject": "Neu", "newsletter": newsletter.slug})
    moved = api.patch(path, {"newsletter": other.slug})

    assert (changed.status_code, changed.json["subject"], changed.json["preheader"]) == (200, "Neu", "Bleibt")
    assert moved.status_code == 422
    assert set(moved.json["errors"]) == {"newsletter"}


def test_a_draft_is_deleted_and_then_gone(api: Api) -> None:
    path = draft()

    answer = api.delete(path)

    assert (answer.status_code, answer.data) == (204, b"")
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


def test_a_test_mail_goes_to_the_named_addresses(api: Api, run_jobs: Callable[[], int], sink: Sink) -> None:
    path = draft()

    answer = api.post(f"{path}/test", {"to": ["a@example.org", "b@example.org"]})
    run_jobs()

    assert (answer.status_code, answer.json["state"]) == (202, "draft")
    assert sorted(mail.to[0] for mail in sink.mails) == ["a@example.org", "b@example.org"]


def test_a_test_mail_needs_one_to_five_good_addresses(api: Api) -> None:
    path = draft()
    wrong: list[Any] = [[], None, "a@example.org", ["nobody"], [1], [None], {}, [["a@example.org"]]]
    wrong += [[f"{number}@example.org" for number in range(6)], ["a@example.org\r\nBcc: b@example.org"]]

    for to in wrong:
        answer = api.post(f"{path}/test", {"to": to})

        assert answer.status_code == 422, to
        assert set(answer.json["errors"]) == {"to"}
    assert api.post(f"{path}/test", {}).status_code == 422


def test_a_campaign_is_sent_once(api: Api, run_jobs: Callable[[], int], sink: Sink) -> None:
    path = draft(ready(3))

    first = api.post(f"{path}/send")
    second = api.post(f"{path}/send")
    run_jobs()
    third = api.post(f"{path}/send", {})

    assert (first.status_code, first.json["state"], first.json["counts"]["audience"]) == (202, "sending", 3)
    assert (second.status_code, third.status_code) == (409, 409)
    after = api.get(path).json
    assert (after["state"], after["counts"]) == ("sent", NONE | {"audience": 3, "sent": 3})
    assert len(sink.mails) == 3


def test_of_many_sends_at_the_same_moment_one_is_taken(app: Flask, api: Api) -> None:
    path = draft(ready(3))

    def send(_number: int) -> int:
        with app.app_context():
            return api.post(f"{path}/send").status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(threads.map(send, range(8)))

    assert statuses == [202] + [409] * 7
    assert api.get(path).json["counts"]["audience"] == 3


def test_a_campaign_that_lacks_something_is_not_sent(api: Api) -> None:
    lacking = {
        "subject": draft(subject=" "),
        "markdown": draft(markdown=""),
        "newsletter": draft(make_newsletter()),
    }

    for field, path in lacking.items():
        answer = api.post(f"{path}/send")

        assert answer.status_code == 422
        assert set(answer.json["errors"]) == {field}
        assert api.get(path).json["state"] == "draft"


def test_a_campaign_is_sent_at_a_time(api: Api) -> None:
    path = draft()
    at = (utcnow() + timedelta(days=2)).replace(microsecond=0)

    answer = api.post(f"{path}/send", {"at": at.isoformat()})

    assert (answer.status_code, answer.json["state"]) == (202, "scheduled")
    assert answer.json["scheduled_at"] == at.isoformat().replace("+00:00", "Z")
    assert api.post(f"{path}/send").status_code == 409
    assert api.patch(path, {"subject": "Noch geändert"}).status_code == 200
    assert api.post(f"{path}/cancel").json["state"] == "cancelled"


def test_a_time_is_rfc_3339_with_an_offset(api: Api) -> None:
    wrong: list[Any] = ["tomorrow", "2030-01-31", "2030-01-31T09:00:00", "2030-02-30T09:00:00Z", "20300131T090000Z"]
    wrong += ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2030-01-31T25:00:00Z", 1, "", [], "2030-W05-1"]
    path = draft()

    for at in wrong:
        answer = api.post(f"{path}/send", {"at": at})

        assert answer.status_code == 422, at
        assert set(answer.json["errors"]) == {"at"}
    assert api.get(path).json["state"] == "draft"


def test_spellings_of_rfc_3339_are_understood(api: Api) -> None:
    for at in ("2099-01-31T09:00:00+01:00", "2099-01-31t09:00:00.123456789z", "2099-01-31 09:00:00-00:00"):
        answer = api.post(f"{draft()}/send", {"at": at})

        assert (answer.status_code, answer.json["state"]) == (202, "scheduled"), at


def test_null_means_now(api: Api) -> None:
    answer = api.post(f"{draft()}/send", {"at": None})

    assert (answer.status_code, answer.json["state"]) == (202, "sending")


def test_a_time_that_has_passed_is_refused(api: Api) -> None:
    path = draft()

    answer = api.post(f"{path}/send", {"at": "2020-01-31T09:00:00Z"})

    assert (answer.status_code, set(answer.json["errors"])) == (422, {"at"})
    assert api.get(path).json["state"] == "draft"


def test_a_campaign_is_paused_resumed_and_cancelled(api: Api) -> None:
    path = draft(ready(2))
    api.post(f"{path}/send")

    states = [api.post(f"{path}/{act}").json["state"] for act in ("pause", "resume", "pause", "cancel")]

    assert states == ["paused", "sending", "paused", "cancelled"]
    assert api.get(path).json["counts"] == NONE | {"audience": 2, "skipped": 2}


def test_acts_in_the_wrong_state_are_conflicts(api: Api) -> None:
    wrong = {
        CampaignState.DRAFT: ("pause", "resume", "cancel"),
        CampaignState.SCHEDULED: ("pause", "resume", "send"),
        CampaignState.SENDING: ("resume", "send"),
        CampaignState.PAUSED: ("pause", "send"),
        CampaignState.SENT: ("pause", "resume", "cancel", "send"),
        CampaignState.CANCELLED: ("pause", "resume", "cancel", "send"),
    }

    for state, acts in wrong.items():
        path = draft(state=state)

        assert {api.post(f"{path}/{act}").status_code for act in acts} == {409}, state
        assert api.get(path).json["state"] == state


def test_what_is_being_sent_is_neither_changed_nor_deleted(api: Api) -> None:
    for state in (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.SENT):
        path = draft(state=state, subject="Fest")

        assert api.patch(path, {"subject": "Anders"}).status_code == 409
        assert api.delete(path).status_code == 409
        assert api.get(path).json["subject"] == "Fest"


def test_acts_take_no_fields(api: Api) -> None:
    path = draft()

    for act in ("pause", "resume", "cancel", "send"):
        answer = api.post(f"{path}/{act}", {"force": True})

        assert answer.status_code == 422
        assert set(answer.json["errors"]) == {"force"}


def test_every_fate_is_counted(api: Api) -> None:
    newsletter = make_newsletter()
    campaign = make_campaign(newsletter, state=CampaignState.SENDING)
    for state in DeliveryState:
        make_delivery(campaign, make_recipient(newsletter), state=state)

    counts = api.get(f"/campaigns/{service.public_id(campaign)}").json["counts"]

    assert counts == dict.fromkeys(DeliveryState, 1) | {"audience": len(DeliveryState)}


def test_a_report_withholds_small_numbers(api: Api, run_jobs: Callable[[], int]) -> None:
    path = draft(ready(3), markdown="[eins](https://example.org/1) [zwei](https://example.org/2)")
    api.post(f"{path}/send")
    run_jobs()

    report = api.get(f"{path}/report")

    withheld = {"unique": None, "total": None}
    assert report.status_code == 200
    assert report.json == {
        "delivered": 3,
        "opens": withheld,
        "clicks": withheld,
        "links": [{"url": f"https://example.org/{number}"} | withheld for number in (1, 2)],
        "unsubscribes": None,
    }


def test_a_draft_has_a_report_too(api: Api) -> None:
    report = api.get(f"{draft()}/report")

    assert (report.status_code, report.json["delivered"], report.json["links"]) == (200, 0, [])


def test_a_preflight_of_nothing_leaves_no_row(api: Api) -> None:
    for method in ("OPTIONS", "HEAD"):
        api.client.open("/api/v1/campaigns", method=method)

    assert db.session.query(Campaign).count() == 0


def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    answer = api.post("/campaigns", {"newsletter": "nowhere", "subject": "a\nb", "markdown": 7, "colour": "red"})

    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"newsletter", "subject", "markdown", "colour"}


def test_a_longer_list_asks_the_database_no_more_often(api: Api) -> None:
    def asked() -> int:
        with counting_queries() as queries:
            assert api.get("/campaigns").status_code == 200
        return len(queries)

    make_campaign(make_newsletter())
    asked()  # the first time it is noted that the token is in use
    short = asked()
    for _number in range(3):
        make_campaign(make_newsletter())
    db.session.expunge_all()

    assert asked() == short


def test_the_list_can_be_read_a_page_at_a_time(api: Api) -> None:
    newsletter = make_newsletter()
    ids = [service.public_id(make_campaign(newsletter)) for _ in range(5)]
    make_campaign()

    found, path = [], f"/campaigns?newsletter={newsletter.slug}&limit=2"
    while path:
        page = api.get(path)
        found.append([each["id"] for each in page.json])
        path = page.headers.get("Link", "").partition(">")[0].partition("/api/v1")[2]

    assert found == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


def test_a_page_of_the_list_has_a_size_that_makes_sense(api: Api) -> None:
    make_campaign()

    for wrong in ("0", "-1", "x", "", "201", "²", "9" * 5000):
        assert set(api.get(f"/campaigns?limit={wrong}").json["errors"]) == {"limit"}, wrong
    assert api.get("/campaigns?before=nonsense").status_code == 404
    assert api.get("/campaigns").headers.get("Link") is None
