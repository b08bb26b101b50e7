"""Reading a file of recipients, and importing them."""

import gc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from newsletter.core import bulk
from newsletter.core.db import db
from newsletter.core.errors import Invalid
from newsletter.mail import address
from newsletter.mail.models import OutboxMail
from newsletter.privacy import receipts_in_bulk, wordings
from newsletter.privacy.models import Receipt, Wording
from newsletter.recipients import erasing, importing, reading
from newsletter.recipients.admission import find
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person
from newsletter.recipients.reading import Row
from tests.factories import make_newsletter, make_recipient

EVIDENCE = "Am Stand auf dem Stadtfest 2025 unterschrieben, Ordner 7."


@pytest.fixture
def complaints() -> list[tuple[int, str]]:
    return []


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def bring(newsletter: Newsletter, path: Path, complaints: list[tuple[int, str]] | None = None) -> importing.Summary:
    found = [] if complaints is None else complaints
    return importing.run(newsletter, reading.rows(path), EVIDENCE, lambda line, text: found.append((line, text)))


def test_everything_a_row_says_is_kept(app: Flask, tmp_path: Path) -> None:
    newsletter = make_newsletter()
    path = file(
        tmp_path,
        "email,salutation,title,first_name,last_name,language\n"
        "Kim.Beispiel@EXAMPLE.org,ms,Dr.,Kim,Müller,en\n"
        'b@straße.example,Herr,,"Bo, der ""Erste""",,\n',
    )

    summary = bring(newsletter, path)

    assert summary == importing.Summary(imported=2)
    kim, bo = find(newsletter.id, "Kim.Beispiel@example.org"), find(newsletter.id, "b@xn--strae-oqa.example")
    assert kim is not None
    assert bo is not None
    assert (Person.unsealed(kim.name_sealed), kim.language) == (Person("ms", "Dr.", "Kim", "Müller"), "en")
    assert (Person.unsealed(bo.name_sealed), bo.language) == (Person("mr", "", 'Bo, der "Erste"', ""), "de")
    assert address.unseal(kim.address_sealed or b"") == "Kim.Beispiel@example.org"


def test_every_recipient_has_a_receipt_with_the_evidence(app: Flask, tmp_path: Path) -> None:
    newsletter = make_newsletter()

    bring(newsletter, file(tmp_path, "email\na@example.org\nb@example.org\n"))

    rows = (
        db.session.query(Recipient, Receipt, Wording)
        .select_from(Recipient)
        .join(Receipt)
        .join(Wording, Wording.digest == Receipt.consent_wording)
    )
    assert [(receipt.method, receipt.source, wording.kind, wording.text) for _, receipt, wording in rows] == [
        ("import", "import", wordings.IMPORT, EVIDENCE)
    ] * 2
    assert db.session.query(Receipt).count() == 2


def test_nobody_is_mailed(app: Flask, tmp_path: Path) -> None:
    bring(make_newsletter(), file(tmp_path, "email\na@example.org\n"))

    assert db.session.query(OutboxMail).count() == 0


def test_who_is_there_or_stands_twice_is_counted_and_left_alone(app: Flask, tmp_path: Path) -> None:
    newsletter = make_newsletter()
    before = make_recipient(newsletter, "there@example.org", person=Person(first_name="Alt"))

    summary = bring(
        newsletter,
        file(
            tmp_path, "email,first_name\nthere@example.org,Neu\nnew@example.org,\nNEW@example.org,\nnew@example.org,\n"
        ),
    )

    assert summary == importing.Summary(imported=1, subscribed=1, twice=2)
    assert Person.unsealed(db.session.get_one(Recipient, before.id).name_sealed).first_name == "Alt"
    assert db.session.query(Receipt).count() == 2


def test_doubles_are_found_across_batches(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    rows = "".join(f"{number % 5}@example.org\n" for number in range(11))

    summary = bring(make_newsletter(), file(tmp_path, f"email\n{rows}"))

    assert summary == importing.Summary(imported=5, twice=6)


def test_who_has_left_stays_away_but_only_from_that_newsletter(app: Flask, tmp_path: Path) -> None:
    newsletter, other = make_newsletter(), make_newsletter()
    erasing.erase(make_recipient(newsletter, "Left@example.org").link_key, None, "page")
    path = file(tmp_path, "email\nleft@example.org\n")

    refused, taken = bring(newsletter, path), bring(other, path)

    assert refused == importing.Summary(left=1)
    assert taken == importing.Summary(imported=1)
    assert find(newsletter.id, "left@example.org") is None


def test_an_import_can_be_repeated(app: Flask, tmp_path: Path) -> None:
    newsletter, path = make_newsletter(), file(tmp_path, "email\na@example.org\nb@example.org\n")

    bring(newsletter, path)
    again = bring(newsletter, path)

    assert again == importing.Summary(subscribed=2)
    assert db.session.query(Receipt).count() == 2


def test_bad_rows_are_named_by_line_and_reason_and_never_by_address(
    app: Flask, tmp_path: Path, complaints: list[tuple[int, str]]
) -> None:
    path = file(
        tmp_path,
        "email,salutation,first_name,language\n"
        "good@example.org,,,\n"
        "canary.example.org,,,\n"
        "canary@example.org,sir,,\n"
        "\n"
        'canary@example.org,"unclosed,,\n'
        "canary@example.org,,,,,\n"
        f"canary@example.org,,{'x' * 101},\n"
        "canary@example.org,,,fr\n"
        "canary@example.org;b@example.org,,,\n"
        ",,Name ohne Adresse,\n"
        "canary@example.org,,\0,\n"
        "late@example.org,,,\n",
    )

    summary = bring(make_newsletter(), path, complaints)

    assert summary == importing.Summary(imported=2, wrong=9)
    assert [line for line, _reason in complaints] == [3, 4, 6, 7, 8, 9, 10, 11, 12]
    assert not [reason for _line, reason in complaints if "canary" in reason or not reason]


@pytest.mark.parametrize(
    "content",
    [
        "email;last_name\r\na@example.org;Müller\r\n",
        "\ufeffemail,last_name\na@example.org,Müller",
        "Email\tLAST_NAME\na@example.org\tMüller\n",
        ' "email" , last_name\ra@example.org,Müller\r'.replace(' "email" ', '"email"'),
        '"last_name","email"\n"Müller","a@example.org"\n\n\n',
    ],
)
def test_usual_spellings_of_csv_are_understood(tmp_path: Path, content: str) -> None:
    rows = list(reading.rows(file(tmp_path, content)))

    assert [row.values | {"problem": row.problem} for row in rows] == [
        {"email": "a@example.org", "last_name": "Müller", "problem": ""}
    ]


def test_a_file_that_is_not_this_kind_of_csv_is_refused_as_a_whole(app: Flask, tmp_path: Path) -> None:
    header = "email,last_name\n"
    bad: list[str | bytes] = [
        "",
        "\n",
        "name\nMüller\n",
        "email,phone\na@example.org,1\n",
        "email,email\na@example.org,b@example.org\n",
        '"email\na@example.org\n',
        "a@example.org\nb@example.org\n",
        f"{header}a@example.org,Müller\n".encode("utf-16"),
        f"{header}a@example.org,Müller\n".encode("utf-16-le"),
        f"{header}a@example.org,x\n".encode() * 9 + "b@example.org,Müller\n".encode("latin-1"),
        b"email\0\na@example.org\n",
        f"{header}a@example.org,Mü".encode()[:-1],
    ]
    newsletter = make_newsletter()

    for content in bad:
        path = file(tmp_path, content)
        with pytest.raises(Invalid) as refused:
            bring(newsletter, path)

        assert set(refused.value.errors) == {"file"}, content
    assert db.session.query(Recipient).count() == 0


def test_evidence_is_needed(app: Flask) -> None:
    newsletter = make_newsletter()

    for evidence in ("", "  \n", "x" * 5001, "a\0b"):
        with pytest.raises(Invalid) as refused:
            importing.run(newsletter, [], evidence, lambda _line, _text: None)

        assert set(refused.value.errors) == {"consent"}


@pytest.mark.parametrize(
    ("measurement", "measured", "agreed"),
    [
        ("all", {"": True, "false": False, "true": True}, {"all"}),
        ("ask", {"": False, "false": False, "true": True}, {"no", "yes"}),
        ("off", {"": False, "false": False, "true": False}, {"off"}),
    ],
)
def test_nobody_is_measured_who_did_not_agree(
    app: Flask, tmp_path: Path, measurement: str, measured: dict[str, bool], agreed: set[str]
) -> None:
    newsletter = make_newsletter(measurement=measurement)
    lines = "".join(f"{word or 'nothing'}@example.org,{word}\n" for word in measured)

    bring(newsletter, file(tmp_path, f"email,measured\n{lines}"))

    for word, expected in measured.items():
        recipient = find(newsletter.id, f"{word or 'nothing'}@example.org")
        assert recipient is not None
        assert recipient.measured is expected
    assert {receipt.measurement for receipt in db.session.query(Receipt)} == agreed


def test_receipts_of_an_import_are_found_by_address(app: Flask, tmp_path: Path) -> None:
    newsletter = make_newsletter()
    bring(newsletter, file(tmp_path, "email\nA@example.org\n"))
    recipient = find(newsletter.id, "a@example.org")
    assert recipient is not None

    erasing.erase(recipient.link_key, None, "page")

    assert receipts_in_bulk.left_before(newsletter.id, ["a@example.org"])


def test_no_more_than_a_batch_is_held_in_memory(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 50)
    held: list[int] = []

    def rows() -> Iterator[Row]:
        for number in range(400):
            yield Row(number + 2, {"email": f"{number}@example.org"})
            if number % 20 == 19:
                held.append(sum(isinstance(each, importing.Candidate) for each in gc.get_objects()))

    importing.run(make_newsletter(), rows(), EVIDENCE, lambda _line, _text: None)

    assert 20 <= max(held) <= 50


def test_a_batch_that_fails_leaves_nothing_and_those_before_it_stay(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    newsletter, path = make_newsletter(), file(tmp_path, "email\na@example.org\nb@example.org\nc@example.org\n")
    copy_new, calls = bulk.copy_new, iter(range(9))

    def break_down_the_second_time(*arguments: Any) -> list[Any]:
        if next(calls):
            raise OSError("the database is away")
        return copy_new(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "copy_new", break_down_the_second_time)
        with pytest.raises(OSError, match="away"):
            bring(newsletter, path)
    db.session.rollback()
    left = db.session.query(Recipient).count(), db.session.query(Receipt).count()
    again = bring(newsletter, path)

    assert left == (2, 2)
    assert again == importing.Summary(imported=1, subscribed=2)


def test_who_confirms_in_the_very_moment_is_not_there_twice(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsletter = make_newsletter()
    look = importing._Import._there

    def confirm_after_the_look(self: importing._Import, batch: dict[str, importing.Candidate]) -> dict[str, datetime]:
        found = look(self, batch)
        make_recipient(newsletter, "b@example.org")
        return found

    monkeypatch.setattr(importing._Import, "_there", confirm_after_the_look)

    summary = bring(newsletter, file(tmp_path, "email\na@example.org\nb@example.org\n"))

    assert summary == importing.Summary(imported=1, subscribed=1)
    assert db.session.query(Recipient).count() == db.session.query(Receipt).count() == 2


def test_values_that_look_like_the_language_of_copy_are_kept(app: Flask, tmp_path: Path) -> None:
    newsletter = make_newsletter()

    bring(newsletter, file(tmp_path, "email,first_name,last_name\na@example.org,\\N,\\.\n"))

    recipient = find(newsletter.id, "a@example.org")
    assert recipient is not None
    assert Person.unsealed(recipient.name_sealed) == Person("", "", "\\N", "\\.")
