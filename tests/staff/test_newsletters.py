"""The staff pages of newsletters."""

from flask.testing import FlaskClient

from newsletter.recipients import newsletters
from tests.factories import make_newsletter, make_recipients
from tests.staff.signing_in import post, signed_in

CANARY = "<script>alert('canary')</script>"
GOOD = {
    "title": "Meine Stadtwerke", "slug": "meine", "language": "de", "measurement": "ask", "accent": "#0b6e5f",
    "from_address": "news@stadtwerke-musterstadt.example", "from_name": "", "reply_to": "",
    "imprint": "Weg 1\r\nMusterstadt", "description": "", "consent_text": "", "time_zone": "Europe/Vienna",
    "send_from": "08:00", "send_until": "20:00", "mails_per_second": "20",
}  # fmt: skip


def test_without_newsletters_the_overview_says_how_to_begin(client: FlaskClient) -> None:
    signed_in(client)

    page = client.get("/staff/").text

    assert 'href="/staff/newsletters/new"' in page
    assert client.get("/staff/campaigns/new").location == "/staff/newsletters/new"


def test_a_newsletter_is_made_and_changed_with_all_its_fields(client: FlaskClient) -> None:
    signed_in(client)

    answer = post(client, "/staff/newsletters/new", **GOOD)
    assert answer.location == "/staff/newsletters/meine"
    post(client, answer.location, **GOOD | {"title": "Neu", "slug": "neu"})

    newsletter = newsletters.by_slug("neu")
    assert (newsletter.title, newsletter.from_name, newsletter.measurement) == ("Neu", "Neu", "ask")
    assert newsletter.imprint == "Weg 1\nMusterstadt"
    assert (newsletter.time_zone, newsletter.mails_per_second) == ("Europe/Vienna", 20)
    assert (newsletter.send_from, newsletter.send_until) == ("08:00", "20:00")


def test_a_new_newsletter_is_offered_the_sender_of_the_installation(client: FlaskClient) -> None:
    client.application.config["MAIL_DEFAULT_SENDER"] = "Musterwerke & Co <post@musterwerke.example>"
    signed_in(client)

    page = client.get("/staff/newsletters/new").text

    assert 'value="Musterwerke &amp; Co"' in page
    assert 'value="post@musterwerke.example"' in page


def test_every_wrong_field_is_marked_and_what_was_typed_stays(client: FlaskClient) -> None:
    signed_in(client)
    wrong = {"title": "", "slug": "Nicht So", "from_address": "niemand", "imprint": "bleibt stehen"}

    page = post(client, "/staff/newsletters/new", **GOOD | wrong)

    assert page.status_code == 422
    for name in ("title", "slug", "from_address"):
        assert f'id="e-{name}"' in page.text
        assert f'href="#f-{name}"' in page.text
    assert "bleibt stehen" in page.text
    assert newsletters.every() == []


def test_a_short_name_that_is_taken_is_an_error_at_the_field(client: FlaskClient) -> None:
    signed_in(client)
    make_newsletter(slug="meine")
    other = make_newsletter(slug="andere")

    assert 'id="e-slug"' in post(client, "/staff/newsletters/new", **GOOD).text
    page = post(client, f"/staff/newsletters/{other.slug}", **GOOD)
    assert page.status_code == 422
    assert 'id="e-slug"' in page.text


def test_the_page_offers_the_sign_up_link_and_a_snippet(client: FlaskClient) -> None:
    signed_in(client)
    newsletter = make_newsletter(slug="meine", title='A "B" <i>')
    make_recipients(newsletter, 3)

    page = client.get("/staff/newsletters/meine").text

    address = client.application.config["PUBLIC_URL"] + "/n/meine"
    assert f'href="{address}"' in page
    # The snippet is markup that holds an escaped title, and stands escaped in the page.
    assert "A &amp;#34;B&amp;#34; &amp;lt;i&amp;gt;&lt;/a&gt;" in page
    assert ">3</strong>" in page


def test_markup_in_a_newsletter_stays_text(client: FlaskClient) -> None:
    signed_in(client)
    newsletter = make_newsletter(title=CANARY, description=CANARY, imprint=CANARY, consent_text=CANARY)

    for path in ("/staff/", "/staff/newsletters/", f"/staff/newsletters/{newsletter.slug}", "/staff/campaigns/new"):
        page = client.get(path).text
        assert CANARY not in page
        assert "&lt;script&gt;" in page
