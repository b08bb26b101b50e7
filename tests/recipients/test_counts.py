"""How many recipients a newsletter has is kept, not counted: it must be what counting would say, whatever happens."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from newsletter.core.db import db
from newsletter.mail import address
from newsletter.recipients import admission, erasing, importing, newsletters, preferences, reading
from newsletter.recipients.models import Newsletter, Recipient, RecipientCount
from newsletter.recipients.person import Person
from tests.factories import make_newsletter, make_receipt, make_recipient, make_recipients


def counted() -> dict[int, int]:
    """Return what counting says, for newsletters that have any."""
    there = Recipient.address_sealed.is_not(None)
    query = select(Recipient.newsletter_id, func.count()).where(there).group_by(Recipient.newsletter_id)
    return dict(db.session.execute(query).all())


def kept() -> dict[int, int]:
    return {key: number for key, number in newsletters.count_recipients_of_all().items() if number}


def empty(recipient_id: int) -> None:
    """Leave a tombstone, as somebody does who leaves while a sender holds the row."""
    row = db.session.get_one(Recipient, recipient_id)
    row.address_sealed = row.address_digest = None
    db.session.commit()


def leave_twice(link_key: bytes) -> None:
    assert erasing.erase(link_key, None, "page")
    assert not erasing.erase(link_key, None, "page")


def move(_recipient: Recipient) -> None:
    for row in db.session.execute(select(Recipient)).scalars():
        row.newsletter_id = make_newsletter().id
    db.session.commit()


def delete_everybody(_recipient: Recipient) -> None:
    db.session.execute(delete(Recipient))
    db.session.commit()


CHANGES: dict[str, Callable[[Recipient], object]] = {
    "somebody leaves": lambda recipient: erasing.erase(recipient.link_key, None, "page"),
    "somebody leaves twice": lambda recipient: leave_twice(recipient.link_key),
    "a row is emptied": lambda recipient: empty(recipient.id),
    "an empty row is swept": lambda recipient: (empty(recipient.id), erasing.sweep_tombstones()),
    "an empty row is changed": lambda recipient: (empty(recipient.id), setattr(recipient, "language", "en")),
    "somebody changes the name": lambda recipient: preferences.rename(recipient.link_key, {"first_name": "Kim"}),
    "somebody objects": lambda recipient: preferences.measure(recipient.link_key, agreed=False),
    "everybody goes to another newsletter": move,
    "everybody goes at once": delete_everybody,
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_numbers_are_what_counting_says_after(app: Flask, change: str) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    recipient = make_recipients(newsletter, 3)[1]
    make_recipients(other, 2)
    assert kept() == {newsletter.id: 3, other.id: 2}

    CHANGES[change](recipient)
    db.session.commit()

    assert kept() == counted()


def test_an_import_counts_whom_it_brings(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    newsletter, path = make_newsletter(), tmp_path / "people.csv"
    make_recipient(newsletter, "1@example.org")
    path.write_text("email\n" + "".join(f"{number % 5}@example.org\n" for number in range(7)), encoding="utf-8")

    importing.run(newsletter, reading.rows(path), "Am Stand", lambda _line, _text: None)

    assert newsletters.count_recipients(newsletter.id) == 5
    assert kept() == counted()


def test_what_is_rolled_back_was_never_counted(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)

    db.session.execute(delete(Recipient))
    db.session.rollback()

    assert newsletters.count_recipients(newsletter.id) == 2


def test_a_newsletter_without_recipients_has_none(app: Flask) -> None:
    assert newsletters.count_recipients(make_newsletter().id) == 0


def test_a_newsletter_takes_recipients_and_their_number_with_it(app: Flask) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 2)

    db.session.execute(delete(Newsletter))
    db.session.commit()

    assert db.session.query(RecipientCount).count() == 0
    assert db.session.query(Recipient).count() == 0


def test_many_at_once_come_and_go(app: Flask) -> None:
    newsletter = make_newsletter()
    newsletter_id = newsletter.id
    leaving = [recipient.link_key for recipient in make_recipients(newsletter, 12)]
    coming = [f"new-{number}@example.org" for number in range(12)]

    def come_or_go(number: int) -> None:
        with app.app_context():
            if number % 2:
                erasing.erase(leaving[number // 2], None, "page")
            else:
                admit(newsletter_id, coming[number // 2])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(come_or_go, range(24)))

    assert newsletters.count_recipients(newsletter_id) == 12
    assert kept() == counted()


def admit(newsletter_id: int, email: str) -> None:
    newsletter = db.session.get_one(Newsletter, newsletter_id)
    db.session.add(
        Recipient(
            newsletter_id=newsletter_id,
            address_sealed=address.seal(email),
            address_digest=address.digest(email),
            name_sealed=Person().sealed(),
            link_key=email.encode(),
            language="de",
            measured=False,
            receipt_id=make_receipt(newsletter, email),
        )
    )
    db.session.commit()
    assert admission.find(newsletter_id, email) is not None
