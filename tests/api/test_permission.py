"""Who may call the API."""

from flask import Flask

from newsletter.api import PUBLIC
from newsletter.staff import audit
from tests.api.conftest import Api
from tests.factories import make_campaign


def concrete(rule: str, campaign: str) -> str:
    path = rule.removeprefix("/api/v1").replace("<public_id>", campaign).replace("<slug>", "any")
    return path.replace("<any(pause, resume, cancel):act>", "pause")


def protected(app: Flask) -> list[tuple[str, str]]:
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.endpoint not in PUBLIC
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


def test_every_call_but_the_public_ones_needs_a_token(app: Flask, api: Api) -> None:
    calls = protected(app)

    answers = [api.call(method, concrete(rule, "abcdef"), token=None) for method, rule in calls]

    assert len(calls) > 10
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.mimetype for answer in answers} == {"application/problem+json"}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="newsletter"'}


def test_a_wrong_token_is_refused(api: Api) -> None:
    for header in ("Bearer nl_wrong", "Bearer", "Bearer  ", "Bearer a b=c", "Basic bmw6bmw=", "Basic !", "x", "é"):
        answer = api.get("/campaigns", headers={"Authorization": header})

        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_answer_says_whether_a_token_was_shown(api: Api) -> None:
    answer = api.get("/campaigns", token="nl_wrong")

    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="newsletter", error="invalid_token"'


def test_the_scheme_may_be_spelled_in_any_case(api: Api) -> None:
    answer = api.get("/campaigns", headers={"Authorization": f"bEARER {api.token}"})

    assert answer.status_code == 200


def test_a_stranger_does_not_learn_which_campaigns_there_are(app: Flask, api: Api) -> None:
    with app.test_request_context():
        make_campaign()

    answer = api.get("/campaigns/abcdef", token=None)

    assert answer.status_code == 401


def test_the_document_is_open_to_everyone(api: Api) -> None:
    answer = api.get("/openapi.json", token=None)

    assert answer.status_code == 200


def test_what_is_done_over_the_api_is_noted_as_done_by_the_token(api: Api) -> None:
    api.post("/newsletters", {"slug": "a", "title": "Meine Stadtwerke", "from_address": "a@example.org"})
    api.patch("/newsletters/a", {"title": "Stadtwerke"})
    campaign = api.post("/campaigns", {"newsletter": "a", "subject": "Neues", "markdown": "Text"}).json["id"]
    api.patch(f"/campaigns/{campaign}", {"subject": "Neuestes"})
    api.post(f"/campaigns/{campaign}/send")
    api.delete(f"/campaigns/{campaign}")

    entries = [(each.actor, each.action, each.subject) for each in reversed(audit.latest())]
    assert entries[1:] == [
        ("token tests", "newsletter.create", "Meine Stadtwerke"),
        ("token tests", "newsletter.change", "Stadtwerke"),
        ("token tests", "campaign.create", f"{campaign} Neues"),
        ("token tests", "campaign.change", f"{campaign} Neuestes"),
        ("token tests", "campaign.delete", f"{campaign} Neuestes"),
    ], "a send that is refused is not noted"
