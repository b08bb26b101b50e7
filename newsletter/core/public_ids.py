"""Ids as URLs spell them (hashids). They hide nothing and permit nothing: see docs/decisions."""

from functools import lru_cache

from hashids import Hashids, _reorder

from newsletter.core.errors import NotFound
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import public_id_salt


@lru_cache(maxsize=8)
def _speller(salt: str, kind: str) -> Hashids:
    # hashids looks at the first 40-odd characters of its salt only, so the kind comes first.
    return Hashids(salt=f"{kind}:{salt}", min_length=6)


class QuickSpeller:
    """Spells single long numbers as `Hashids` does, several times quicker: for a hundred thousand of them.

    Hashids shuffles its alphabet anew for every number, by a character that has only some forty values.
    """

    def __init__(self, hashids: Hashids) -> None:
        self._hashids = hashids
        self._letters: str = hashids._alphabet
        self._shuffled: dict[str, str] = {}

    def encode(self, number: int) -> str:
        """Return the word for `number`, which has more digits than the shortest word."""
        lottery = self._letters[number % 100 % len(self._letters)]
        letters = self._shuffled.get(lottery) or self._shuffle(lottery)
        size, backwards = len(letters), ""
        while number:
            backwards += letters[number % size]
            number //= size
        return lottery + backwards[::-1]

    def _shuffle(self, lottery: str) -> str:
        salt = (lottery + self._hashids._salt + self._letters)[: len(self._letters)]
        self._shuffled[lottery] = shuffled = str(_reorder(self._letters, salt))
        return shuffled


def speller(kind: str) -> QuickSpeller:
    """Return what spells long numbers of `kind`."""
    return QuickSpeller(_speller(public_id_salt(), kind))


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
