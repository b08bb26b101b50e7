"""Addresses: what is wrong with one is said in the words that fit."""

import pytest

from newsletter.core.errors import Invalid
from newsletter.mail import address

pytestmark = pytest.mark.usefixtures("app")
LABELS = ".".join(["b" * 60] * 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Please enter"),
        ("a@example.org\r\nBcc: b@example.org", "on one line"),
        ("a@example.org, b@example.org", "one e-mail address only"),
        ("müller@example.org", "without accents"),
        ("x" * 65 + "@example.org", "up to 64 characters"),
        ("x" * 60 + f"@{LABELS}.example.org", "up to 254 characters"),
        ("kim@example", "not a complete"),
    ],
)
def test_each_fault_has_its_own_words(text: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        address.parse(text)

    assert words in refused.value.errors["email"]


def test_254_characters_are_not_too_many() -> None:
    longest = "x" * 59 + f"@{LABELS}.example.org"

    assert len(longest) == 254
    assert address.parse(longest) == longest


def test_a_domain_that_is_too_long_only_when_it_is_mailed_is_refused() -> None:
    with pytest.raises(Invalid):
        address.parse("x" * 60 + "@" + ".".join(["ü" * 50] * 3) + ".example.org")
