"""`/me/`: the other newsletters of the same address, to see and to leave each, and those it could join."""

import re
from collections.abc import Callable

from flask.testing import FlaskClient

from newsletter.core.db import db
from newsletter.mail import address
from newsletter.privacy import proof
from newsletter.privacy.models import Receipt
from newsletter.recipients import links
from newsletter.recipients.models import Departure, Newsletter, Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_recipient
from tests.signups import count, path
from tests.sink import Sink

EMAIL = "kim.beispiel@example.org"
Run = Callable[[], int]


def me(recipient: Recipient, suffix: str = "") -> str:
    return f"/me/{links.preferences_token(recipient.link_key)}{suffix}"


def texts_on(page: str) -> str:
    return re.findall(r'name="texts" value="([^"]+)"', page)[0]


def test_it_lists_what_else_the_address_is_on_and_what_it_could_join(client: FlaskClient) -> None:
    recipient = make_recipient(make_newsletter(title="Energietipps"), EMAIL)
    make_recipient(make_newsletter(title="Verkehr"), EMAIL.upper())
    make_newsletter(title="Kultur")
    make_recipient(make_newsletter(title="Amtliches"), "someone.else@example.org")

    page = client.get(me(recipient)).text

    also, could = page.partition("You also get")[2].split("You could also get")
    assert ("Verkehr" in also, "Kultur" in also, "Amtliches" in also) == (True, False, False)
    assert ("Verkehr" in could, "Kultur" in could, "Amtliches" in could) == (False, True, True)


def test_only_a_freshly_mailed_link_leads_to_the_data_of_the_others(client: FlaskClient) -> None:
    recipient = make_recipient(email=EMAIL)
    make_recipient(make_newsletter(title="Verkehr"), EMAIL, person=Person(first_name="Kimberley"))

    old = client.get(me(recipient)).text
    fresh = client.get(path(links.mailed_preferences_url(recipient.link_key))).text

    pattern = r'href="http://[^"]*(/me/[^"]+)"><strong>Verkehr'
    assert re.search(pattern, old) is None
    (found,) = re.findall(pattern, fresh)
    assert "Kimberley" in client.get(found).text


def test_each_of_them_can_be_left_alone_and_that_undone(client: FlaskClient) -> None:
    recipient = make_recipient(email=EMAIL)
    other, third = (make_newsletter(title=title) for title in ("Verkehr", "Kultur"))
    for newsletter in (other, third):
        make_recipient(newsletter, EMAIL)

    answer = client.post(me(recipient, f"/leave/{other.slug}"))
    again = client.post(me(recipient, f"/leave/{other.slug}"))

    assert (answer.status_code, again.status_code) == (200, 200)
    assert "Verkehr" in answer.text
    assert db.session.query(Departure).one().way == "others"
    (word,) = re.findall(r'name="undo" value="([^"]+)"', answer.text)
    assert count(Recipient) == 2
    client.post("/u/undo", data={"undo": word})
    assert count(Recipient) == 3


def test_nobody_is_left_who_has_another_address(client: FlaskClient) -> None:
    recipient, other = make_recipient(email=EMAIL), make_recipient(make_newsletter(), "someone.else@example.org")
    slug = db.session.get_one(Newsletter, other.newsletter_id).slug

    assert client.post(me(recipient, f"/leave/{slug}")).status_code == 200
    assert count(Recipient) == 2


def test_joining_shows_the_consent_and_is_confirmed_by_a_mail_of_its_own(
    client: FlaskClient, run_jobs: Run, sink: Sink
) -> None:
    recipient = make_recipient(email=EMAIL, person=Person("ms", "", "Kim", "Müller"))
    other = make_newsletter(title="Verkehr", consent_text="Ja, ich möchte den Verkehrsbrief.", measurement="ask")
    form = client.get(me(recipient, f"/join/{other.slug}")).text

    client.post(me(recipient, f"/join/{other.slug}"), data={"texts": texts_on(form), "measurement": "yes"})
    run_jobs()

    assert ("Verkehrsbrief" in form, count(Recipient), count(Receipt)) == (True, 1, 1)
    client.post(path(sink.to(EMAIL)[0].link("/confirm/")))
    joined = db.session.query(Recipient).filter_by(newsletter_id=other.id).one()
    receipt = proof.of_receipt(joined.receipt_id)
    assert receipt is not None
    assert address.unseal(joined.address_sealed or b"") == EMAIL
    assert (Person.unsealed(joined.name_sealed).last_name, joined.measured) == ("Müller", True)
    assert "Verkehrsbrief" in receipt.consent
    assert (receipt.receipt.method, receipt.receipt.source, receipt.receipt.measurement) == (
        "link",
        "preferences",
        "yes",
    )


def test_nobody_agrees_to_words_that_were_not_shown(client: FlaskClient, run_jobs: Run, sink: Sink) -> None:
    recipient, other = make_recipient(email=EMAIL), make_newsletter(consent_text="Alt.")
    shown = texts_on(client.get(me(recipient, f"/join/{other.slug}")).text)
    other.consent_text = "Neu."
    db.session.commit()

    answer = client.post(me(recipient, f"/join/{other.slug}"), data={"texts": shown})
    run_jobs()

    assert (answer.status_code, "Neu." in answer.text, sink.mails) == (409, True, [])


def test_joining_takes_a_good_link_and_a_newsletter_that_is_there(client: FlaskClient) -> None:
    recipient, other = make_recipient(email=EMAIL), make_newsletter()

    answers = [
        client.open(f"/me/x/join/{other.slug}"),
        client.post(f"/me/x/join/{other.slug}"),
        client.open(me(recipient, "/join/nothing")),
        client.post(me(recipient, "/join/nothing")),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
