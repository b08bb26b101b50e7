"""The calls: what goes in, what comes out, what can go wrong."""

from typing import Any

from newsletter.campaigns.api import MAX_BODY_OCTETS, MOST_AT_ONCE
from newsletter.openapi import challenges, examples
from newsletter.openapi.answers import found, made, paged, problems
from newsletter.openapi.schemas import ref

Operation = dict[str, Any]
BODY = (400, 413, 415, 422)
_LIMIT = {"type": "integer", "minimum": 1, "maximum": MOST_AT_ONCE}
_UNDER_PRESSURE = (
    "While many sign-ups arrive, a sign-up without `proof` is likely to get 429: solve a challenge, and send it again "
    "with the solution. A token may be shown instead, except while the brake is pulled, when more confirmation mails "
    "have gone out than usual."
)
_STEER = {
    "pause": "Pause: what is in hand is finished, nothing else starts.",
    "resume": "Go on with a paused campaign.",
    "cancel": "Stop for good: what was not sent is skipped. A scheduled campaign is not sent.",
}


def _operation(name: str, tag: str, summary: str, answers: dict[str, Any], **more: Any) -> Operation:
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": answers, **more}


def _body(schema: str, example: Any, *, required: bool = True) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": ref(schema), "example": example}}}


def _in_path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}


def _in_query(name: str, description: str, schema: Operation | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema or {"type": "string"}}


def _campaign(description: str) -> dict[str, Any]:
    return found(ref("Campaign"), description, examples.CAMPAIGN)


def newsletters() -> dict[str, Any]:
    """Return the calls about newsletters, and the sign-up."""
    slug = _in_path("slug", "The newsletter's short name.")
    every = {"type": "array", "items": ref("Newsletter")}
    sign_up = _operation(
        "signUp",
        "sign-up",
        "Ask for a confirmation mail. Open to everyone; limited by network.",
        {"202": found(ref("Pending"), "A mail is on its way.", examples.PENDING), **problems(404, 429, *BODY)},
        description=_UNDER_PRESSURE,
        requestBody=_body("SignUp", examples.SIGN_UP),
        security=[{}, {"token": []}],
    )
    return {
        "/newsletters": {
            "get": _operation(
                "listNewsletters",
                "newsletters",
                "All newsletters, by title.",
                {"200": found(every, "The newsletters.", [examples.NEWSLETTER]), **problems(401)},
            ),
            "post": _operation(
                "createNewsletter",
                "newsletters",
                "Make a newsletter. 409: the slug is taken.",
                {
                    "201": made(ref("Newsletter"), "It is made.", examples.NEWSLETTER | {"recipients": 0}),
                    **problems(401, 409, *BODY),
                },
                requestBody=_body("NewNewsletter", examples.NEWSLETTER_NEW),
            ),
        },
        "/newsletters/{slug}": _one_newsletter(slug),
        "/newsletters/{slug}/signups": {"parameters": [slug], "post": sign_up},
        "/newsletters/{slug}/signups/challenge": {"parameters": [slug], "get": challenges.give()},
    }


def _one_newsletter(slug: dict[str, Any]) -> dict[str, Any]:
    good = found(ref("Newsletter"), "The newsletter.", examples.NEWSLETTER)
    return {
        "parameters": [slug],
        "get": _operation("getNewsletter", "newsletters", "One newsletter.", {"200": good, **problems(401, 404)}),
        "patch": _operation(
            "changeNewsletter",
            "newsletters",
            "Change the fields that the body names, all or none. 409: the slug is taken.",
            {"200": good, **problems(401, 404, 409, *BODY)},
            requestBody=_body("NewsletterChange", {"title": "Meine Stadtwerke"}),
        ),
    }


def campaigns() -> dict[str, Any]:
    """Return the calls about campaigns."""
    public_id = _in_path("id", "The campaign's id.")
    every = {"type": "array", "items": ref("Campaign")}
    every_answer = paged(every, "The campaigns.", [examples.CAMPAIGN])
    size = f"A body may hold up to {MAX_BODY_OCTETS} octets."
    return {
        "/campaigns": {
            "get": _operation(
                "listCampaigns",
                "campaigns",
                "All campaigns, newest first. 404: there is no such newsletter, or campaign.",
                {"200": every_answer, **problems(401, 404, 422)},
                parameters=[
                    _in_query("newsletter", "Only this newsletter's."),
                    _in_query("limit", "Up to so many: the header `Link` then says where the next are.", _LIMIT),
                    _in_query("before", "Only those older than the campaign with this id."),
                ],
            ),
            "post": _operation(
                "createCampaign",
                "campaigns",
                "Make a draft.",
                {"201": made(ref("Campaign"), "It is made.", examples.CAMPAIGN), **problems(401, *BODY)},
                description=size,
                requestBody=_body("NewCampaign", examples.CAMPAIGN_NEW),
            ),
        },
        "/campaigns/{id}": {"parameters": [public_id], **_one_campaign(size)},
        "/campaigns/{id}/report": {
            "parameters": [public_id],
            "get": _operation(
                "getReport",
                "campaigns",
                "How the campaign did.",
                {"200": found(ref("Report"), "The figures.", examples.REPORT), **problems(401, 404)},
            ),
        },
        **{f"/campaigns/{{id}}/{act}": {"parameters": [public_id], "post": call} for act, call in _acts().items()},
    }


def _one_campaign(size: str) -> dict[str, Operation]:
    good = _campaign("The campaign.")
    return {
        "get": _operation(
            "getCampaign",
            "campaigns",
            "One campaign, its counts, how fast it goes, and what the relay says.",
            {"200": good, **problems(401, 404)},
        ),
        "patch": _operation(
            "changeCampaign",
            "campaigns",
            "Change a draft or scheduled campaign. 409: it is being sent already.",
            {"200": good, **problems(401, 404, 409, *BODY)},
            description=size,
            requestBody=_body("CampaignChange", {"subject": "Der neue Wärmeplan ist da"}),
        ),
        "delete": _operation(
            "deleteCampaign",
            "campaigns",
            "Delete a campaign that has sent nothing. 409: it has.",
            {"204": {"description": "It is gone."}, **problems(401, 404, 409)},
        ),
    }


def _acts() -> dict[str, Operation]:
    taken = {"202": _campaign("It is under way.")}
    acts = {
        "test": _operation(
            "testCampaign",
            "campaigns",
            "Mail a test: marked, unmeasured, its links to leave without effect.",
            {"202": _campaign("The tests are on their way."), **problems(401, 404, 409, *BODY)},
            requestBody=_body("Test", {"to": ["marketing@example.org"]}),
        ),
        "send": _operation(
            "sendCampaign",
            "campaigns",
            "Send now, or at a time. Of several calls one is taken, the others get 409. 422: something is missing.",
            taken | problems(401, 404, 409, *BODY),
            requestBody=_body("Send", {"at": "2030-01-31T09:00:00+01:00"}, required=False),
        ),
    }
    for act, summary in _STEER.items():
        body = _body("Nothing", {}, required=False)
        answers = taken | problems(401, 404, 409, *BODY)
        acts[act] = _operation(f"{act}Campaign", "campaigns", summary, answers, requestBody=body)
    return acts
