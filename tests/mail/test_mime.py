"""The octets of a mail, as a relay and a mailbox provider would judge them."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.mail import mime
from newsletter.mail.message import Email, serialise

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
)
URL = "https://" + "a" * 112 + ".example/u/" + "b" * 48


def mail(**values: str) -> Email:
    given_values = {"to": "a@example.org", "subject": "Hallo", "text": "Text\n", "html": "<p>Text</p>\n"} | values
    return Email(
        **{"from_name": "Stadtwerke", "from_address": "news@example.org", "message_id": "<1@example.org>"}
        | given_values,
        headers={"List-Unsubscribe": f"<{URL}>"},
    )


@settings(deadline=None)
@given(subject=WORDS, name=WORDS, text=TEXTS)
def test_whatever_staff_write_arrives_as_it_was_written(subject: str, name: str, text: str) -> None:
    raw = serialise(mail(subject=subject, from_name=name, text=text))

    message = message_from_bytes(raw, policy=policy.SMTP)
    assert all(octet < 128 for octet in raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert " ".join(str(message["Subject"]).split()) == " ".join(subject.split())
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_a_long_unsubscribe_link_is_neither_encoded_nor_folded() -> None:
    raw = serialise(mail())

    assert f"List-Unsubscribe: <{URL}>\r\n".encode() in raw


def test_encoded_words_keep_to_75_characters() -> None:
    raw = serialise(mail(subject="Größere Übergröße " * 10, from_name="Bürgermüllerei " * 10))

    head = raw.split(b"\r\n\r\n")[0].decode()
    words = [word for word in head.split() if word.startswith("=?")]
    assert len(words) > 4
    assert max(map(len, words)) <= 75


@pytest.mark.parametrize("evil", ["a\r\nBcc: x@example.org", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\x85b"])
@pytest.mark.parametrize("field", ["subject", "from_name", "message_id"])
def test_a_line_break_never_leaves_its_header(field: str, evil: str) -> None:
    with pytest.raises(mime.BadHeader):
        serialise(mail(**{field: evil}))


def test_names_that_need_it_are_quoted() -> None:
    assert mime.mailbox('Müller "und" Söhne', "a@example.org").startswith("=?utf-8?")
    assert mime.mailbox('Stadt "Werke", GmbH', "a@example.org") == '"Stadt \\"Werke\\", GmbH" <a@example.org>'
    assert mime.mailbox("", "a@example.org") == "a@example.org"


def test_no_line_of_a_part_starts_with_a_dot() -> None:
    assert mime.quoted_printable(".\n..\n.a") == b"=2E\r\n=2E.\r\n=2Ea"
    assert mime.quoted_printable_value(".verborgen") == b"=2Everborgen"
    lines = mime.quoted_printable("." * 80).split(b"\r\n")
    assert max(map(len, lines)) <= mime.MAX_QP_LINE_OCTETS
    assert not any(line.startswith(b".") for line in lines)
