"""Ids as URLs spell them."""

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core import public_ids
from newsletter.core.public_ids import QuickSpeller, _speller


@given(number=st.integers(2**64, 2**96 - 1), salt=st.text("abcdef0123", min_size=43, max_size=43))
def test_the_quick_speller_spells_as_hashids_does(number: int, salt: str) -> None:
    hashids = _speller(salt, "measurement")

    word = QuickSpeller(hashids).encode(number)

    assert word == hashids.encode(number)
    assert hashids.decode(word) == (number,)


def test_ids_of_one_kind_mean_nothing_as_another(app: Flask) -> None:
    assert public_ids.spell("campaign", 7) != public_ids.spell("newsletter", 7)
    assert public_ids.read("campaign", public_ids.spell("campaign", 7)) == 7
