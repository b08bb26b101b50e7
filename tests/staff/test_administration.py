"""The pages of administrators: secrets are shown once, acts are noted, nothing is taken for markup."""

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from newsletter.core.db import db
from newsletter.staff import accounts, audit, frame, tokens, trail
from newsletter.staff.models import Staff
from tests.staff.signing_in import choose_password, post, signed_in

CANARY = "<script>alert('canary')</script>"


def test_a_new_account_s_link_is_shown_once(client: FlaskClient, app: Flask) -> None:
    signed_in(client, "admin")

    page = post(client, "/staff/admin/accounts", email="mia@staff.example", role="marketing")

    link = page.text.partition('readonly value="')[2].partition('"')[0]
    assert "/staff/set-password/" not in client.get("/staff/admin/accounts").text
    other = app.test_client()
    assert choose_password(other, link.removeprefix(app.config["PUBLIC_URL"])).status_code == 302
    assert other.get("/staff/admin/accounts").status_code == 403


def test_a_second_account_with_the_address_is_an_error_at_the_field(client: FlaskClient) -> None:
    signed_in(client, "admin", "anna@staff.example")

    page = post(client, "/staff/admin/accounts", email="anna@staff.example", role="admin")

    assert page.status_code == 422
    assert 'id="e-email"' in page.text


def test_closing_an_account_asks_first_and_says_what_ends(client: FlaskClient) -> None:
    signed_in(client, "admin")
    mia = accounts.create("mia@staff.example", "marketing")
    path = f"/staff/admin/accounts/{mia.id}/close"

    question = client.get(path)
    assert "mia@staff.example" in question.text
    assert db.session.get_one(Staff, mia.id).active

    assert post(client, path).status_code == 302
    db.session.expire_all()
    assert not db.session.get_one(Staff, mia.id).active
    assert post(client, f"/staff/admin/accounts/{mia.id}/link").status_code == 409
    assert "/staff/set-password/" in post(client, f"/staff/admin/accounts/{mia.id}/open").text


def test_the_last_administrator_can_t_be_closed_on_the_page_either(client: FlaskClient) -> None:
    signed_in(client, "admin")
    me = db.session.execute(db.select(Staff)).scalar_one()

    assert post(client, f"/staff/admin/accounts/{me.id}/close").status_code == 409
    assert client.get("/staff/").status_code == 200


def test_a_token_is_shown_once_and_works(client: FlaskClient) -> None:
    signed_in(client, "admin")

    page = post(client, "/staff/admin/tokens", name="CRM")

    bearer = page.text.partition('readonly value="')[2].partition('"')[0]
    assert tokens.authenticate(bearer) is not None
    assert bearer not in client.get("/staff/admin/tokens").text
    assert post(client, "/staff/admin/tokens", name="CRM").status_code == 422

    token_id = tokens.every()[0].id
    assert "CRM" in client.get(f"/staff/admin/tokens/{token_id}/revoke").text
    post(client, f"/staff/admin/tokens/{token_id}/revoke")
    assert tokens.authenticate(bearer) is None
    assert client.get(f"/staff/admin/tokens/{token_id}/revoke").status_code == 404


def test_markup_in_names_stays_text(client: FlaskClient) -> None:
    signed_in(client, "admin")
    post(client, "/staff/admin/tokens", name=CANARY)
    token_id = tokens.every()[0].id

    for path in ("/staff/admin/tokens", f"/staff/admin/tokens/{token_id}/revoke", "/staff/admin/audit"):
        page = client.get(path).text
        assert CANARY not in page
        assert "&lt;script&gt;" in page


def test_the_audit_trail_names_who_did_what(client: FlaskClient) -> None:
    signed_in(client, "admin", "anna@staff.example")
    post(client, "/staff/admin/tokens", name="CRM")

    newest = audit.latest()[0]

    assert (newest.actor, newest.action, newest.subject) == ("anna@staff.example", "token.create", "CRM")
    assert "anna@staff.example" in client.get("/staff/admin/audit").text


def test_everything_that_is_noted_has_words(app: Flask) -> None:
    noted: set[str] = set()
    for path in Path(app.root_path).rglob("*.py"):
        noted |= set(
            re.findall(r'(?:note\(|_done\([^\n]*|TEST = )"([a-z]+\.[a-z]+)"', path.read_text(encoding="utf-8"))
        )

    assert len(noted) >= 20
    with app.test_request_context():
        assert [code for code in noted if frame.action(code) == code] == []


def test_the_audit_trail_forgets_after_ninety_days(app: Flask) -> None:
    for days in (91, 89):
        audit.note("token.create", f"{days} days")
        age = {"subject": f"{days} days", "days": days}
        aged = "UPDATE audit_entry SET at = now() - :days * interval '1 day' WHERE subject = :subject"
        db.session.execute(db.text(aged), age)
    db.session.commit()

    trail.forget_old()

    assert [entry.subject for entry in audit.latest()] == ["89 days"]
