"""The journal: written by whatever changes a row, copied to Redis, read from files, kept as long as the backups."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.core.errors import Unreadable
from newsletter.journal import backups, copying, entries, files, marks
from newsletter.journal.models import Entry, JournalEntry, Kind
from newsletter.mail import address
from newsletter.optin import restraint
from newsletter.recipients import erasing, forgetting, preferences
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_recipient
from tests.outages import counting_queries

pytestmark = pytest.mark.usefixtures("app")


def execute(query: str) -> None:
    db.session.execute(text(query))
    db.session.commit()


def kinds() -> list[str]:
    """Return what the journal knows, oldest first."""
    found = [entry.kind.value for entry in entries.every()]
    db.session.rollback()
    return found


def an_entry(kind: Kind = Kind.ERASED, age: timedelta = timedelta()) -> Entry:
    return Entry(kind, bytes(range(32)), utcnow() - age)


WAYS: dict[str, Callable[[Recipient], object]] = {
    "by a link": lambda recipient: erasing.erase(recipient.link_key, None, "one_click"),
    "at request": lambda recipient: forgetting.forget(address.unseal(recipient.address_sealed or b"")),
    "by SQL": lambda _recipient: execute("DELETE FROM recipient"),
    "emptied first": lambda _recipient: execute(
        "UPDATE recipient SET address_sealed = NULL, address_digest = NULL; DELETE FROM recipient"
    ),
    "into a new row": lambda _recipient: execute("UPDATE recipient SET link_key = sha256(link_key)"),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_takes_a_person_away_is_in_the_journal_once(way: str) -> None:
    WAYS[way](make_recipient())

    assert kinds() == ["erased"]


def test_a_purged_newsletter_is_one_entry() -> None:
    newsletter = make_newsletter()
    for _person in range(2):
        make_recipient(newsletter)

    execute("DELETE FROM newsletter")

    assert kinds() == ["newsletter"]


def test_leaving_costs_no_statement_more(app: Flask) -> None:
    recipient = make_recipient()

    with counting_queries() as statements:
        erasing.erase(recipient.link_key, None, "one_click")

    assert sum("journal" in statement for statement in statements) == 0
    assert kinds() == ["erased"]


def test_objections_and_restrictions_are_entries_and_corrections_are_none() -> None:
    recipient = make_recipient()
    key = recipient.link_key

    preferences.rename(key, {"first_name": "Kim"})
    preferences.measure(key, agreed=False)
    preferences.restrict(key, wished=True)
    preferences.restrict(key, wished=True)
    preferences.restrict(key, wished=False)
    preferences.measure(key, agreed=True)

    assert kinds() == ["objected", "restricted", "lifted", "agreed"]


def test_that_was_not_me_is_an_entry_until_its_time_is_over() -> None:
    restraint.refuse(restraint.not_me_token("kim@example.org"))
    execute("UPDATE unwanted SET until = now() - interval '1 second'")
    restraint.forget_old()
    assert kinds() == ["unwanted"]

    restraint.refuse(restraint.not_me_token("kim@example.org"))
    restraint.settle("kim@example.org")
    db.session.commit()

    assert kinds() == ["unwanted", "wanted"]


def test_the_copy_in_redis_is_the_same_and_is_refilled_when_it_was_lost() -> None:
    for _person in range(2):
        erasing.erase(make_recipient().link_key, None, "one_click")
    assert copying.keep() is None
    there = entries.every()
    assert copying.read() == there

    erasing.erase(make_recipient().link_key, None, "one_click")
    copying.keep()
    assert len(copying.read()) == 3

    queues.redis().flushall()
    copying.keep()

    assert copying.read() == entries.every()
    assert db.session.query(JournalEntry).filter(~JournalEntry.copied).count() == 0
    for key in queues.redis().scan_iter(f"{copying.DAYS}*"):
        assert 35 < queues.redis().ttl(key) / 86400 < 38


def test_a_redis_that_was_set_back_is_refilled_and_a_database_is_not() -> None:
    copying.keep()
    mark = marks.in_redis()
    assert mark is not None
    erasing.erase(make_recipient().link_key, None, "one_click")
    copying.keep()
    queues.redis().delete(*queues.redis().scan_iter(f"{copying.DAYS}*"))
    marks.tell_redis(mark)

    assert copying.keep() is None
    assert len(copying.read()) == 1

    execute("UPDATE installation SET in_use_at = in_use_at - interval '1 microsecond'")
    setback = copying.keep()
    assert setback is not None
    assert setback.back_to == setback.until - timedelta(microseconds=1)


def test_a_journal_goes_through_a_file_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    path, as_of = tmp_path / "x.journal", datetime(2026, 11, 25, 14, 5, tzinfo=UTC)
    known = [an_entry(), an_entry(Kind.UNWANTED)]
    file = io.StringIO()
    files.write(file, known, as_of)
    path.write_text(file.getvalue())

    assert files.read(path) == known
    assert files.as_of(path) == as_of
    for broken in ("", "erased\n", file.getvalue()[:-3], file.getvalue().replace("erased", "born")):
        path.write_text(broken)
        with pytest.raises(Unreadable):
            files.read(path)


def test_of_two_stores_the_later_time_counts() -> None:
    old, new = an_entry(age=timedelta(days=2)), an_entry(age=timedelta(days=1))

    for known in ([old, new], [], [old]):
        entries.merge(known)
    db.session.commit()

    assert entries.every() == [new]


def test_an_entry_is_kept_as_long_as_the_oldest_backup(app: Flask) -> None:
    keep = timedelta(days=app.config["BACKUP_KEEP_DAYS"])
    entries.merge([an_entry(age=keep + timedelta(hours=1))])
    backups.note(Path("/backups/one.dump"))
    execute("UPDATE backup SET taken_at = now() - interval '40 days'")

    assert entries.forget_old() == 0
    assert backups.overdue(timedelta()) == 1
    backups.forget_old()
    assert entries.overdue(timedelta()) == 1
    assert entries.forget_old() == 1
    assert db.session.execute(select(JournalEntry)).first() is None
