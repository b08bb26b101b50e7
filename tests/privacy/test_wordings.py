"""Wordings: kept once per version, found again by name; and when receipts end."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from newsletter.core.db import db
from newsletter.core.errors import NotFound
from newsletter.privacy import receipts, wordings
from newsletter.privacy.models import Wording
from tests.signups import count

pytestmark = pytest.mark.usefixtures("app")


def test_a_text_is_kept_once_and_any_change_is_another_version() -> None:
    first = wordings.store("consent", "de", "Ja.")
    same = wordings.store("consent", "de", "Ja.")
    others = {
        wordings.store(*each) for each in (("consent", "de", "Ja!"), ("consent", "en", "Ja."), ("x", "de", "Ja."))
    }
    db.session.commit()

    assert first == same
    assert len({first, *others}) == count(Wording) == 4
    assert wordings.text_of(first) == "Ja."
    assert wordings.text_of(b"\0" * 32) is None


def test_a_text_whose_storing_was_rolled_back_is_stored_the_next_time() -> None:
    wordings.store("consent", "de", "Ja.")
    db.session.rollback()

    wordings.store("consent", "de", "Ja.")
    db.session.commit()

    assert count(Wording) == 1


def test_kind_language_and_text_can_not_be_mistaken_for_each_other() -> None:
    assert wordings.digest("a", "bc", "d") != wordings.digest("ab", "c", "d")


def test_an_earlier_version_is_found_by_its_short_name() -> None:
    name = wordings.store("privacy", "de", "Früher.")
    wordings.store("privacy", "en", "Formerly.")

    assert wordings.by_short_name("privacy", name.hex()[: wordings.SHORT]).text == "Früher."


def test_a_short_name_that_is_none_finds_nothing() -> None:
    wordings.store("privacy", "de", "Früher.")

    for short in ("", "x" * 16, "0" * 15, "0" * 16, "f" * 16, "0" * 64, "\0" * 16, "ü" * 16):
        with pytest.raises(NotFound):
            wordings.by_short_name("privacy", short)


def test_a_consent_is_no_privacy_statement() -> None:
    name = wordings.store("consent", "de", "Ja.").hex()[: wordings.SHORT]

    with pytest.raises(NotFound):
        wordings.by_short_name("privacy", name)


def test_a_receipt_is_kept_to_the_end_of_the_third_year_after() -> None:
    cases = {
        datetime(2026, 1, 1, tzinfo=UTC): 2030,
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC): 2030,
        datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))): 2030,
    }

    for closed_at, year in cases.items():
        assert receipts.kept_until(closed_at) == datetime(year, 1, 1, tzinfo=UTC)
