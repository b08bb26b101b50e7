"""The pages about the whole service: what they say is what is so."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ

from newsletter.core.db import db
from newsletter.privacy.models import Wording
from newsletter.recipients import newsletters, versions
from tests.factories import make_newsletter
from tests.signups import sign_up


def test_the_first_page_lists_the_newsletters(client: FlaskClient) -> None:
    first = make_newsletter(title="Energietipps", description="Einmal im Monat.")
    second = make_newsletter(title="<b>Netz & Wasser</b>")

    page = client.get("/").text

    assert f'href="/n/{first.slug}"' in page
    assert f'href="/n/{second.slug}"' in page
    assert "Einmal im Monat." in page
    assert "&lt;b&gt;Netz &amp; Wasser&lt;/b&gt;" in page


def test_without_newsletters_every_page_is_there_all_the_same(client: FlaskClient) -> None:
    assert {client.get(path).status_code for path in ("/", "/privacy", "/imprint")} == {200}


def test_the_imprint_names_each_sender(client: FlaskClient) -> None:
    make_newsletter(imprint="Stadtwerke Musterstadt GmbH\nMusterweg 1", reply_to="fragen@werke.example")

    page = client.get("/imprint").text

    assert "Stadtwerke Musterstadt GmbH\nMusterweg 1" in page
    assert "mailto:fragen@werke.example" in page


def test_the_privacy_statement_tells_the_settings_in_force(
    make_app: Callable[..., Flask], settings: dict[str, Any], app: Flask
) -> None:
    newsletter = make_newsletter(title="Energietipps", measurement="all")
    changed = make_app(settings | {"CONFIRMATION_HOURS": 7, "MEASUREMENT_DAYS": 11, "MEASUREMENT_MIN_GROUP": 13})

    page = changed.test_client().get("/privacy?lang=en").text
    assert "7 hours" in page
    assert "After 11 days" in page
    assert "smaller than 13" in page
    assert "unless you object: Energietipps." in page

    newsletters.change(newsletter, {"measurement": "ask"})
    assert "only if you agreed to it separately: Energietipps." in app.test_client().get("/privacy?lang=en").text
    newsletters.change(newsletter, {"measurement": "off"})
    assert "is not measured" in app.test_client().get("/privacy?lang=en").text


def test_what_is_shown_is_what_the_receipt_keeps_and_earlier_versions_stay(client: FlaskClient) -> None:
    newsletter = make_newsletter(imprint="Alte Straße 1")
    versions.note_all()
    sign_up(client, newsletter, "a@example.org")
    assert "/privacy/" not in client.get("/privacy?lang=en").text

    newsletters.change(newsletter, {"imprint": "Neue Straße 2"})
    page = client.get("/privacy?lang=en").text
    version = page.split('href="/privacy/')[1].split('"')[0].split("?")[0]

    assert "Neue Straße 2" in page
    earlier = client.get(f"/privacy/{version}").text
    assert "Alte Straße 1" in earlier
    (kept,) = [row.text for row in db.session.query(Wording).filter_by(language="en") if "Alte" in row.text]
    assert all(line.removeprefix("# ") in earlier for line in kept.split("\n\n")[:2])
    assert client.get("/privacy/nonsense").status_code == 404


def test_an_unknown_page_is_a_page_too(client: FlaskClient) -> None:
    answer = client.get("/nothing", headers={"Accept-Language": "en"})

    assert answer.status_code == 404
    assert "<h1>There is nothing here</h1>" in answer.text


def test_search_engines_find_the_forms_and_nothing_with_a_token(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    assert "X-Robots-Tag" not in client.get(f"/n/{newsletter.slug}").headers
    assert {client.get(path).headers.get("X-Robots-Tag") for path in ("/u/x", "/me/x", "/confirm/x")} == {"noindex"}


def test_the_colour_of_a_newsletter_comes_as_a_style_sheet(client: FlaskClient) -> None:
    newsletter = make_newsletter(accent="#E4A400")

    answer = client.get(f"/n/{newsletter.slug}/accent.css")

    assert answer.mimetype == "text/css"
    assert "--button: #E4A400;" in answer.text
    assert client.get("/n/nothing/accent.css").status_code == 404


def test_the_server_gets_a_whole_answer_in_one_piece_and_a_long_one_bit_by_bit(app: Flask) -> None:
    whole, long = app.make_response("words"), app.response_class(iter([b"wo", b"rds"]))
    closed: list[str] = []
    for answer, name in ((whole, "whole"), (long, "long")):
        answer.call_on_close(partial(closed.append, name))

    bodies = [answer.get_app_iter(create_environ()) for answer in (whole, long)]

    assert bodies[0] == [b"words"]
    assert not isinstance(bodies[1], list)
    assert closed == ["whole"]


def test_head_says_of_a_page_what_get_says(client: FlaskClient) -> None:
    """RFC 9110 §9.3.2."""
    for path in ("/privacy", "/contact", "/me"):
        head, get = client.head(path), client.get(path)

        assert head.headers["Content-Length"] == get.headers["Content-Length"], path
        assert head.data == b""
