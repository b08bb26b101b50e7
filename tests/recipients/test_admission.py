"""Admission: one row and one receipt per person and newsletter, under whichever key."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from newsletter.config import Settings
from newsletter.core.db import db, utcnow
from newsletter.mail import address
from newsletter.privacy import receipts, wordings
from newsletter.privacy.models import Receipt
from newsletter.recipients import admission, erasing
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person
from tests.factories import make_newsletter
from tests.signups import count

EMAIL = "kim.beispiel@example.org"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("app")


def fields(**values: object) -> receipts.ReceiptFields:
    given = {
        "consent_wording": wordings.store(wordings.CONSENT, "de", "Ja."),
        "language": "de",
        "source": "page",
        "method": "link",
        "measurement": "all",
        "requested_at": utcnow(),
        "confirmed_at": utcnow(),
    }
    return receipts.ReceiptFields(**(given | values))


def admit(newsletter: Newsletter, email: str = EMAIL, receipt: receipts.ReceiptFields | None = None) -> bytes | None:
    admitted = admission.admit(
        newsletter, email, Person(last_name="Beispiel"), language="de", measured=True, receipt=receipt or fields()
    )
    db.session.commit()
    return admitted


def test_a_recipient_is_stored_sealed_beside_a_receipt() -> None:
    newsletter = make_newsletter()

    link_key = admit(newsletter)

    recipient = admission.find(newsletter.id, EMAIL)
    assert recipient is not None
    assert recipient.link_key == link_key
    assert address.unseal(recipient.address_sealed or b"") == EMAIL
    assert Person.unsealed(recipient.name_sealed).last_name == "Beispiel"
    assert b"kim" not in (recipient.address_sealed or b"")
    assert recipient.receipt_id == db.session.query(Receipt).one().id
    assert len(recipient.link_key) == 16


def test_someone_who_is_there_is_not_admitted_again() -> None:
    newsletter = make_newsletter()
    admit(newsletter)

    assert not admit(newsletter)
    assert not admit(newsletter, EMAIL.upper())

    assert (count(Recipient), count(Receipt)) == (1, 1)


def test_two_newsletters_are_two_rows_with_nothing_in_common() -> None:
    first, second = make_newsletter(), make_newsletter()

    assert admit(first)
    assert admit(second)

    one, other = db.session.query(Recipient).order_by(Recipient.id)
    assert one.link_key != other.link_key
    assert one.receipt_id != other.receipt_id


def test_one_wish_makes_one_receipt_even_after_the_recipient_has_gone() -> None:
    newsletter = make_newsletter()
    wish = fields()
    admit(newsletter, receipt=wish)
    recipient = db.session.query(Recipient).one()
    erasing.erase(recipient.link_key, None, "page")

    assert not admit(newsletter, receipt=wish)

    assert (count(Recipient), count(Receipt)) == (0, 1)


def test_many_wishes_of_one_person_at_the_same_moment_make_one_recipient(app: Flask) -> None:
    newsletter_id = make_newsletter().id
    wordings.store(wordings.CONSENT, "de", "Ja.")
    db.session.commit()

    def one(_number: int) -> bool:
        with app.app_context():
            return admit(db.session.get_one(Newsletter, newsletter_id)) is not None

    with ThreadPoolExecutor(4) as pool:
        admitted = list(pool.map(one, range(24)))

    assert sum(admitted) == 1
    assert (count(Recipient), count(Receipt)) == (1, 1)


def test_while_the_key_is_changed_nobody_is_admitted_twice(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    newsletter_id = make_newsletter().id
    admit(db.session.get_one(Newsletter, newsletter_id))
    newer = settings | {"SECRET_KEY": secrets.token_hex(32), "SECRET_KEY_FALLBACKS": [settings["SECRET_KEY"]]}

    with make_app(newer).app_context():
        newsletter = db.session.get_one(Newsletter, newsletter_id)
        assert not admit(newsletter)
        assert not receipts.left_since(newsletter.id, EMAIL, LONG_AGO)
        erasing.erase(db.session.query(Recipient).one().link_key, None, "page")
        assert receipts.left_since(newsletter.id, EMAIL, LONG_AGO)


def test_who_left_is_known_by_the_closed_receipt() -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    before = utcnow() - timedelta(seconds=1)
    admit(newsletter)

    assert not receipts.left_since(newsletter.id, EMAIL, LONG_AGO)
    erasing.erase(db.session.query(Recipient).one().link_key, None, "page")

    assert receipts.left_since(newsletter.id, EMAIL.upper(), LONG_AGO)
    assert not receipts.left_since(other.id, EMAIL, LONG_AGO)
    assert receipts.left_since(newsletter.id, EMAIL, before)
    assert not receipts.left_since(newsletter.id, EMAIL, utcnow() + timedelta(seconds=1))
