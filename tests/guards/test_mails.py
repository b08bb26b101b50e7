"""Every mail is a directory of three files: what its subject, its text and its HTML are."""

from pathlib import Path

MAILS = Path(__file__).resolve().parent.parent.parent / "templates" / "email"


def test_every_mail_has_its_three_files() -> None:
    mails = [path for path in MAILS.iterdir() if path.is_dir()]

    assert len(mails) >= 3
    for mail in mails:
        assert {path.name for path in mail.iterdir()} == {"subject.txt", "body.txt", "body.html"}, mail


def test_a_mail_never_takes_a_persons_words_for_html() -> None:
    for path in MAILS.rglob("*"):
        if path.is_file():
            assert "|safe" not in path.read_text(encoding="utf-8").replace(" ", ""), path
