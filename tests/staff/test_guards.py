"""Who may see what: every route of the staff pages is tried, so that a new one can't be forgotten."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from newsletter.core.db import db
from newsletter.staff.trail import AuditEntry
from tests.staff.signing_in import signed_in

OPEN = {"security.login", "security.logout", "staff.set_password"}
ADMIN_PAGES = ["/staff/admin/accounts", "/staff/admin/tokens", "/staff/admin/audit"]


def staff_rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/staff")]


def path_of(rule: Rule) -> str:
    values: dict[str, object] = {name: 1 if "_id" in name and name != "public_id" else "abc" for name in rule.arguments}
    _domain, path = rule.build(values) or ("", "")
    return path


def test_whoever_is_not_signed_in_is_sent_to_the_login_by_every_staff_page(app: Flask) -> None:
    rules = [rule for rule in staff_rules(app) if rule.endpoint not in OPEN and "GET" in (rule.methods or ())]

    answers = {rule.endpoint: app.test_client().get(path_of(rule)) for rule in rules}

    assert len(answers) > 15
    wrong = {name: answer.status_code for name, answer in answers.items() if answer.status_code not in (302, 401, 403)}
    assert not wrong
    assert {answer.location.partition("?")[0] for answer in answers.values()} == {"/staff/login"}


def test_no_staff_form_is_taken_from_someone_who_is_not_signed_in(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    rules = [rule for rule in staff_rules(app) if rule.endpoint not in OPEN and "POST" in (rule.methods or ())]

    answers = {rule.endpoint: app.test_client().post(path_of(rule)) for rule in rules}

    assert len(answers) > 10
    assert {answer.location for answer in answers.values()} == {"/staff/login"}


def test_no_staff_form_is_taken_without_its_csrf_token(client: FlaskClient) -> None:
    signed_in(client, "admin")
    rules = [rule for rule in staff_rules(client.application) if "POST" in (rule.methods or ())]
    before = db.session.query(AuditEntry).count()

    answers = {rule.endpoint: client.post(path_of(rule)).status_code for rule in rules}

    assert len(answers) > 12
    assert {name for name, status in answers.items() if status != 400} == set()
    assert db.session.query(AuditEntry).count() == before
    assert client.get("/staff/").status_code == 200


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_marketing_does_not_see_the_administration(client: FlaskClient, path: str) -> None:
    signed_in(client, "marketing")

    assert client.get(path).status_code == 403
    assert "/staff/admin" not in client.get("/staff/").text


@pytest.mark.parametrize("path", [*ADMIN_PAGES, "/staff/", "/staff/newsletters/", "/staff/campaigns"])
def test_an_administrator_sees_everything(client: FlaskClient, path: str) -> None:
    signed_in(client, "admin")

    assert client.get(path).status_code == 200
