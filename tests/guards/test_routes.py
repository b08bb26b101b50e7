"""Every route says who may call it, and none that is asked by GET or HEAD writes (RFC 9110 §9.2.1)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from newsletter import api
from newsletter.campaigns import service
from newsletter.campaigns.models import CampaignState, DeliveryState
from newsletter.core import periodic
from newsletter.core.db import db, utcnow
from newsletter.optin import restraint
from newsletter.privacy import publishing, wordings
from newsletter.privacy.documents import Series
from newsletter.recipients import links, preferences
from newsletter.staff import accounts, tokens
from newsletter.staff.models import ApiToken
from newsletter.tracking import measurement
from tests.factories import make_campaign, make_delivery, make_newsletter, make_recipient
from tests.outages import counting_queries
from tests.signups import make_address_change, make_sign_up
from tests.staff.signing_in import link_of, signed_in

OPEN = {
    "files": {"static", "bootstrap.static"},
    "texts": {
        "pages.index", "pages.privacy", "pages.privacy_version", "pages.imprint", "pages.imprint_version",
        "pages.consent_text", "pages.consent_version",
        "api.openapi", "recipients.schema",
    },
    "to sign up": {
        "optin.form", "optin.sign_up", "recipients.accent_css", "api.signups.create", "api.signups.challenge",
    },
    "to write to us": {"contact.page", "contact.send", "mailbox.lost_link_page", "mailbox.lost_link"},
    "the token in the link is the permission": {
        "optin.confirm_page", "optin.confirm", "recipients.leave_page", "recipients.leave", "recipients.leave_others",
        "recipients.undo",
        "recipients.me", "recipients.save", "recipients.measurement", "recipients.leave_from_me",
        "recipients.fresh_link", "recipients.restriction", "recipients.download", "recipients.copy",
        "optin.not_me_page", "optin.not_me", "staff.set_password", "mailbox.address_page", "mailbox.ask_for_address",
        "mailbox.new_address_page", "mailbox.change_address", "mailbox.join_page", "mailbox.join",
        "recipients.leave_another",
    },
    "opens and clicks": {"tracking.pixel", "tracking.click"},
    "platforms and monitors": {"health.healthz", "health.readyz", "health.metrics"},
    "to sign in and out": {"security.login", "security.logout"},
}  # fmt: skip
"""Who may call them: anyone. Every other route is of the staff pages or of the API, and asks who is there."""
PUBLIC = frozenset[str]().union(*OPEN.values())
WRITES = re.compile(r"\b(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE|COPY)\b")
NOTES_THE_TOKEN_S_USE = "UPDATE api_token SET last_used_at"  # at most once a minute; staff see when it was used last
TEXT = "Read [this](https://www.example.org/a)."


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"argon2__time_cost": 1, "argon2__memory_cost": 1024}
    monkeypatch.setitem(accounts.SETTINGS, "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS", quick)


def path_of(rule: Rule, values: dict[str, Any]) -> str:
    _domain, path = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
    return path


def test_a_route_is_open_by_name_or_turns_strangers_away(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False  # it would turn them away as well, and be taken for the guard
    stranger = app.test_client()
    any_values = {
        "public_id": "abc",
        "slug": "abc",
        "act": "pause",
        "staff_id": 1,
        "token_id": 1,
        "kind": "privacy",
        "code": "de",
    }
    guarded = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC]

    answers = {
        (method, rule.rule): stranger.open(path_of(rule, any_values), method=method)
        for rule in guarded
        for method in (rule.methods or set()) - {"OPTIONS"}
    }

    assert len(answers) > 50
    for (method, rule), answer in answers.items():
        if rule.startswith("/api/"):
            assert answer.status_code == 401, (method, rule)
        else:
            assert (answer.status_code, (answer.location or "").partition("?")[0]) == (302, "/staff/login"), rule


def test_what_is_open_is_there_and_the_api_names_the_same(app: Flask) -> None:
    assert set(app.view_functions) >= PUBLIC
    assert {endpoint for endpoint in PUBLIC if endpoint.startswith("api.")} == api.PUBLIC


@pytest.fixture
def samples(app: Flask) -> list[dict[str, Any]]:
    """What stands for the arguments of the rules: one set per state of a campaign."""
    newsletter, other = make_newsletter(), make_newsletter()
    recipient = make_recipient(newsletter)
    make_recipient(other)
    times = {"started_at": utcnow(), "finished_at": utcnow()}
    campaigns = [
        make_campaign(newsletter, markdown=TEXT, state=state, **({} if state == CampaignState.DRAFT else times))
        for state in CampaignState
    ]
    for campaign in campaigns[2:]:
        make_delivery(campaign, recipient, state=DeliveryState.IN_DOUBT)
        measurement.open_window(campaign.id, ["https://www.example.org/a"])
    texts = {
        kind: publishing.publish(Series(kind, "en", of), "As it was.").name
        for kind, of in ((wordings.PRIVACY, None), (wordings.IMPRINT, None), (wordings.CONSENT, newsletter.id))
    }
    token = ApiToken(name="sample", digest=b"0" * 32)
    db.session.add(token)
    db.session.commit()
    ids = measurement.MeasurementIds.for_campaign(campaigns[-1].id)
    fixed = {
        "slug": newsletter.slug, "version": texts["privacy"], "imprint_version": texts["imprint"],
        "consent_version": texts["consent"], "kind": "privacy", "code": "de",
        "token_id": token.id, "number": 1,
        "staff_id": accounts.create("sample@staff.example", "marketing").id,
        "measurement_id": ids.spell(recipient.id), "link_key": recipient.link_key,
    }  # fmt: skip
    for _time in range(2):
        periodic.take("drain events", timedelta(seconds=2))  # somebody works, for /readyz
    return [fixed | {"public_id": service.public_id(campaign)} for campaign in campaigns]


def token_of(rule: Rule, sample: dict[str, Any]) -> str:
    """Return a token that is good where `rule` leads."""
    if rule.endpoint == "optin.confirm_page":
        return make_sign_up(make_newsletter(), "new@example.org").token()
    if rule.endpoint == "optin.not_me_page":
        return restraint.not_me_token("new@example.org")
    if rule.endpoint == "recipients.leave_page":
        return links.unsubscribe_token(sample["link_key"])
    if rule.endpoint in ("recipients.download", "recipients.copy"):
        return links.mailed_preferences_url(sample["link_key"]).rpartition("/")[2]
    if rule.endpoint == "mailbox.new_address_page":
        recipient = preferences.live(sample["link_key"])
        return make_address_change(recipient, "new@example.org").token()
    if rule.endpoint in ("recipients.me", "mailbox.address_page", "mailbox.join_page"):
        return links.preferences_token(sample["link_key"])
    assert rule.endpoint == "staff.set_password", "a new kind of token needs a sample here"
    return link_of(accounts.by_id(sample["staff_id"])).rpartition("/")[2]


def asked_by_get(app: Flask, samples: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    files = {"static": "page.css", "bootstrap.static": "css/bootstrap.min.css"}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            for sample in samples if "public_id" in rule.arguments else samples[:1]:
                values = sample | {"filename": files.get(rule.endpoint)}
                if "token" in rule.arguments:
                    values["token"] = token_of(rule, sample)
                yield rule.endpoint, path_of(rule, values)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_that_is_asked_by_get_or_head_writes(
    client: FlaskClient, samples: list[dict[str, Any]], method: str
) -> None:
    asked = list(asked_by_get(client.application, samples))
    signed_in(client, "admin")
    bearer = {"Authorization": f"Bearer {tokens.create('tests')}"}
    client.get("/api/v1/campaigns", headers=bearer)

    written: dict[str, list[str]] = {}
    answers: dict[str, list[int]] = {}
    for endpoint, path in asked:
        for visitor in (client, client.application.test_client()):
            with counting_queries() as statements:
                answer = visitor.open(path, method=method, headers=bearer if visitor is client else {})
            answer.close()
            if visitor is client:
                answers.setdefault(endpoint, []).append(answer.status_code)
            sent = [line for line in statements if WRITES.search(line) and not line.startswith(NOTES_THE_TOKEN_S_USE)]
            if sent:
                written[f"{path} ({answer.status_code})"] = sent

    assert written == {}
    assert len(answers) > 30
    refused = {endpoint: codes for endpoint, codes in answers.items() if min(codes) >= 400}
    assert refused == {}, "these were asked in a way that shows nothing"
