"""Ids as URLs spell them (hashids). They hide nothing and permit nothing: see docs/decisions."""

from functools import lru_cache

from hashids import Hashids

from newsletter.core.errors import NotFound
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import public_id_salt


@lru_cache(maxsize=8)
def _speller(salt: str, kind: str) -> Hashids:
    # hashids looks at the first 40-odd characters of its salt only, so the kind comes first.
    return Hashids(salt=f"{kind}:{salt}", min_length=6)


def speller(kind: str) -> Hashids:
    """Return what spells the ids of `kind`, for loops that spell a hundred thousand of them."""
    return _speller(public_id_salt(), kind)


def spell(kind: str, number: int) -> str:
    """Return `number` as the word that URLs of this kind carry, e.g. `spell("campaign", 1)`."""
    word: str = _speller(public_id_salt(), kind).encode(number)
    return word


def read(kind: str, word: str) -> int:
    """Undo `spell`; raise `NotFound` for a word that `spell` would not have written."""
    numbers: tuple[int, ...] = _speller(public_id_salt(), kind).decode(word) if len(word) <= 64 else ()
    if len(numbers) != 1:
        raise NotFound(_("There is nothing with this id."))
    return numbers[0]
