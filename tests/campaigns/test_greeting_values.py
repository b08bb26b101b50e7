"""Greetings in their slots: most need no encoding, and the way around it must make no difference."""

from html import unescape
from quopri import decodestring

from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.campaigns.compose import greeting_values
from newsletter.mail.mime import MAX_QP_LINE_OCTETS
from newsletter.recipients.person import Person

NAMES = st.text(
    st.one_of(st.sampled_from("abcXYZ019 ,.-=<>&'\"ü"), st.characters(codec="utf-8", exclude_categories=["C", "Z"]))
)


@given(first=NAMES, last=NAMES)
@example(first="Kim", last="Beispiel")
@example(first="Kim", last="Beispiel " * 9)
@example(first="x" * 66, last="x")
@example(first="x" * 80, last="x")
@example(first="Kim=C3", last="Beispiel")
@example(first="Kim=C3", last="O'Neill & Söhne.")
def test_a_greeting_reads_the_same_in_text_and_html(first: str, last: str) -> None:
    person = Person(first_name=first, last_name=last)

    text, html = greeting_values(person, "en")

    assert decodestring(text).decode() == person.greeting("en")
    assert unescape(decodestring(html).decode()) == person.greeting("en")
    assert b"<" not in decodestring(html)
    for line in (text + b"\n" + html).split(b"\n"):
        assert len(line.rstrip(b"\r")) <= MAX_QP_LINE_OCTETS
        assert not line.startswith(b".")
