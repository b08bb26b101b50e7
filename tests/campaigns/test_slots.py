"""Compiled mails: filled bytes say what a freshly written mail would say."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.campaigns.slots import Form, Markers, Slot
from newsletter.mail import mime

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
BLOCKS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\n"), max_size=200
)


@given(before=BLOCKS, value=WORDS, after=BLOCKS)
def test_a_slot_takes_any_value_in_any_surrounding(before: str, value: str, after: str) -> None:
    markers = Markers()
    mark = markers.mark(Slot.GREETING_TEXT)
    form = Form.cut(f"To: {markers.mark(Slot.TO)}\r\n", f"{before}{mark}{after}", "<p>x</p>", "=_b", markers)
    values = [b""] * len(Slot)
    values[Slot.GREETING_TEXT] = mime.quoted_printable_value(value)

    raw = b"".join(form.fill(values))

    part = message_from_bytes(raw, policy=policy.SMTP).get_body(("plain",))
    assert part is not None
    assert part.get_content().replace("\r\n", "\n").rstrip("\n") == f"{before}{value}{after}".rstrip("\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    assert not any(line.startswith(b".") for line in raw.split(b"\r\n"))


@pytest.mark.parametrize("letter", ["x", ".", "ü", " "])
def test_no_line_beside_a_slot_is_longer_than_76_octets(letter: str) -> None:
    markers = Markers()
    mark = markers.mark(Slot.GREETING_TEXT)

    for number in range(20, 90):
        text = letter * number
        form = Form.cut(f"To: {markers.mark(Slot.TO)}\r\n", f"{text}{mark}.{text}", "<p>x</p>", "=_b", markers)
        values = [b""] * len(Slot)
        values[Slot.GREETING_TEXT] = mime.quoted_printable_value(text)
        raw = b"".join(form.fill(values))

        part = message_from_bytes(raw, policy=policy.SMTP).get_body(("plain",))
        assert part is not None
        assert part.get_content() == f"{text}{text}.{text}"
        assert max(map(len, raw.split(b"\r\n"))) <= 76, number
        assert b"\n." not in raw


def test_a_slot_of_a_header_takes_its_value_as_it_is() -> None:
    markers = Markers()
    head = f"To: {markers.mark(Slot.TO)}\r\nMessage-ID: {markers.mark(Slot.MESSAGE_ID)}\r\n"
    form = Form.cut(head, "text", "html", "=_b", markers)
    values = [b""] * len(Slot)
    values[Slot.TO], values[Slot.MESSAGE_ID] = b"a@example.org", b"<1@example.org>"

    raw = b"".join(form.fill(values))

    assert raw.startswith(b"To: a@example.org\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n")
