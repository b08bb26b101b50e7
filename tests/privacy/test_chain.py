"""The chain of receipts: whoever changes one by SQL is found out, and what happens by right is not."""

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text

from newsletter.core.db import db, utcnow
from newsletter.privacy import chain, receipts_in_bulk, seals, verifying, wordings
from newsletter.privacy.models import Receipt, ReceiptLink, ReceiptTombstone
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients import service
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_receipt, make_recipient
from tests.signups import count

pytestmark = pytest.mark.usefixtures("app")

FIRST = "(SELECT min(id) FROM receipt)"
CHANGES = {
    "the address's digest": f"UPDATE receipt SET address_digest = '\\x00' WHERE id = {FIRST}",
    "the time of the yes": "UPDATE receipt SET confirmed_at = confirmed_at + interval '1 microsecond'",
    "the time of the mail": "UPDATE receipt SET mailed_at = confirmed_at",
    "what was measured": f"UPDATE receipt SET measurement = 'yes' WHERE id = {FIRST}",
    "the way": f"UPDATE receipt SET method = 'link', source = 'form' WHERE id = {FIRST}",
    "the newsletter": f"UPDATE receipt SET newsletter_slug = 'another' WHERE id = {FIRST}",
    "a letter of the text": "UPDATE wording SET text = text || '.'",
    "the text that was shown": (
        "INSERT INTO wording (digest, kind, language, text) VALUES ('\\x01', 'consent', 'de', 'Alles.');"
        f"UPDATE receipt SET consent_wording = '\\x01' WHERE id = {FIRST}"
    ),
    "the seal": f"UPDATE receipt SET seal = '\\x00' WHERE id = {FIRST}",
    "a receipt less": f"DELETE FROM receipt WHERE id = {FIRST}",
    "a receipt less, with a tombstone": (
        "INSERT INTO receipt_tombstone SELECT id, written_link, seal, closed_link, closing_seal, '\\x00' FROM receipt"
        f" WHERE id = {FIRST}; DELETE FROM receipt WHERE id = {FIRST}"
    ),
    "another number": f"UPDATE receipt SET id = 7777 WHERE id = {FIRST}",
    "a receipt under another link": f"UPDATE receipt SET written_link = 2 WHERE id = {FIRST}",
    "a receipt of no link": f"UPDATE receipt SET written_link = NULL WHERE id = {FIRST}",
    "a receipt of a link that is not there": f"UPDATE receipt SET written_link = 99 WHERE id = {FIRST}",
    "a link less": "DELETE FROM receipt_link WHERE number = 1",
    "a link later": "UPDATE receipt_link SET at = at + interval '1 day' WHERE number = 1",
    "a link with another digest": "UPDATE receipt_link SET content = '\\x00' WHERE number = 2",
    "an end that was not": f"UPDATE receipt SET closed_at = now(), close_reason = 'page' WHERE id = {FIRST}",
    "an end a day earlier": "UPDATE receipt SET closed_at = closed_at - interval '1 day'",
    "a longer time to keep": "UPDATE receipt SET delete_after = delete_after + interval '9 years'",
    "an end undone": (
        "UPDATE receipt SET closed_at = NULL, close_reason = NULL, delete_after = NULL, closing_seal = NULL,"
        " closed_link = NULL"
    ),
    "everything": "DELETE FROM receipt",
}


def found() -> list[str]:
    db.session.rollback()
    return list(verifying.problems())


def in_bulk(newsletter_id: int, slug: str, number: int) -> list[int]:
    wording = wordings.store(wordings.IMPORT, "de", "Auf Papier.")
    now = utcnow()
    fields = [
        ReceiptFields(
            consent_wording=wording, language="de", source="import", method="import", measurement="all",
            requested_at=now, confirmed_at=now,
        )
        for _ in range(number)
    ]  # fmt: skip
    ids = receipts_in_bulk.write(newsletter_id, slug, [f"bulk-{each}@example.org" for each in range(number)], fields)
    db.session.commit()
    return ids


@pytest.fixture
def some_receipts() -> None:
    """Two given one by one, of which one has ended, then four of an import, all linked."""
    newsletter = make_newsletter()
    staying, leaving = make_recipient(newsletter, "stays@example.org"), make_recipient(newsletter, "goes@example.org")
    assert None not in (staying.receipt_id, leaving.receipt_id)
    chain.link_new()
    in_bulk(newsletter.id, newsletter.slug, 4)
    service.erase(leaving.link_key, way="page")
    chain.link_new()


def test_what_happens_by_right_leaves_the_chain_whole(some_receipts: None, app: Flask) -> None:
    assert [(link.what, link.size) for link in db.session.query(ReceiptLink).order_by(ReceiptLink.number)] == [
        ("written", 2), ("written", 4), ("closed", 1),
    ]  # fmt: skip

    assert found() == []


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_by_sql_is_found(some_receipts: None, change: str) -> None:
    for statement in CHANGES[change].split(";"):
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        db.session.execute(text(statement))
    db.session.commit()

    assert found()

    chain.link_new()
    make_receipt(make_newsletter(), "later@example.org")
    chain.link_new()
    assert found(), "what is written later must not heal it"


def test_a_receipt_put_in_by_sql_is_found_before_and_after_it_is_linked(some_receipts: None) -> None:
    names = ", ".join(column.name for column in Receipt.__table__.columns if column.name not in ("id", "signup_digest"))
    copy = f"SELECT 7777, '\\x02', {names} FROM receipt WHERE id = {FIRST}"
    db.session.execute(text(f"INSERT INTO receipt (id, signup_digest, {names}) {copy}"))
    db.session.execute(text("UPDATE receipt SET written_link = NULL WHERE id = 7777"))
    db.session.commit()

    assert found() == ["receipt 7777: is not as it was written"]

    chain.link_new()
    assert found() == ["receipt 7777: is not as it was written"]


def test_a_receipt_whose_time_is_up_goes_and_the_chain_stays_whole(some_receipts: None) -> None:
    gone = chain.delete_receipts(Receipt.closed_at.is_not(None))
    db.session.commit()

    assert (gone, count(ReceiptTombstone)) == (1, 1)
    assert found() == []


def test_what_an_import_takes_back_leaves_the_chain_whole() -> None:
    newsletter = make_newsletter()
    ids = in_bulk(newsletter.id, newsletter.slug, 3)

    receipts_in_bulk.discard(ids[:1])
    db.session.commit()

    assert (count(Receipt), count(ReceiptTombstone)) == (2, 1)
    assert found() == []


def test_an_end_that_was_cut_off_shows_against_one_that_was_noted(some_receipts: None) -> None:
    noted = verifying.end()
    db.session.execute(text("DELETE FROM receipt_link WHERE number = 3"))
    db.session.execute(
        text("UPDATE receipt SET closed_at = NULL, close_reason = NULL, delete_after = NULL, closing_seal = NULL,"
             " closed_link = NULL")
    )  # fmt: skip
    db.session.commit()

    assert found() == []
    assert [problem for problem in verifying.problems(noted) if noted in problem]


def test_a_deleted_newsletter_takes_nothing_from_its_receipts(some_receipts: None) -> None:
    db.session.execute(text("DELETE FROM newsletter"))
    db.session.commit()

    assert count(Recipient) == 0
    assert found() == []


def test_linking_goes_on_where_it_ended_and_takes_nothing_twice() -> None:
    newsletter = make_newsletter()
    linked = []
    for number in range(3):
        make_receipt(newsletter, f"{number}@example.org")
        db.session.commit()
        linked.append(chain.link_new())

    assert linked == [1, 1, 1]
    assert chain.link_new() == 0
    assert found() == []


def test_the_command_says_what_is_wrong_and_names_no_address(app: Flask, some_receipts: None) -> None:
    runner = app.test_cli_runner()
    whole = runner.invoke(args=["proof", "--verify"])
    db.session.execute(text("UPDATE receipt SET confirmed_at = confirmed_at - interval '1 second' WHERE id = 1"))
    db.session.commit()
    changed = runner.invoke(args=["proof", "--verify"])

    assert (whole.exit_code, whole.stdout) == (0, f"{verifying.end()}\n")
    assert runner.invoke(args=["proof", "--verify", "--head", whole.stdout.strip()]).exit_code == 1
    assert (changed.exit_code, changed.stdout) == (1, "receipt 1: is not as it was written\n")
    assert "@" not in changed.output
    assert runner.invoke(args=["proof"]).exit_code == 2
    assert runner.invoke(args=["proof", "a@example.org", "--verify"]).exit_code == 2


def test_receipts_of_before_are_sealed_by_the_migration(some_receipts: None) -> None:
    db.session.remove()
    flask_migrate.downgrade(revision="0006")
    flask_migrate.upgrade()
    assert found() == []

    assert chain.link_new() == 7
    assert found() == []


def test_a_link_from_another_history_does_not_fit_even_with_a_good_seal(some_receipts: None) -> None:
    link = db.session.get_one(ReceiptLink, 1)
    other = {name: getattr(link, name) for name in seals.LINK} | {"at": utcnow()}
    link.at, link.seal = other["at"], seals.seal("link", other)
    db.session.commit()

    assert found() == ["link 2: is not as it was written, or the one before is not"]
