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

    Hashids shuffles its alphabet anew for every number, by a character that has only some forty values. The digits
    are the same whatever the alphabet; four of them at once are a small integer, and two an entry of a table.
    """

    def __init__(self, hashids: Hashids) -> None:
        self._hashids = hashids
        self._letters: str = hashids._alphabet
        base = len(self._letters)
        self._two, self._four = base**2, base**4
        self._pairs = [bytes(divmod(two, base)) for two in range(self._two)]
        self._shuffled: dict[int, tuple[str, bytes]] = {}

    def encode(self, number: int) -> str:
        """Return the word for `number`, which has more digits than the shortest word."""
        lottery = number % 100 % len(self._letters)
        letter, alphabet = self._shuffled.get(lottery) or self._shuffle(lottery)
        pairs, two, four = self._pairs, self._two, self._four
        digits = b""
        while number:
            number, low = divmod(number, four)
            digits = pairs[low // two] + pairs[low % two] + digits
        return letter + digits.lstrip(b"\0").translate(alphabet).decode()

    def _shuffle(self, lottery: int) -> tuple[str, bytes]:
        letter = self._letters[lottery]
        salt = (letter + self._hashids._salt + self._letters)[: len(self._letters)]
        alphabet = _reorder(self._letters, salt).encode().ljust(256)
        self._shuffled[lottery] = letter, alphabet
        return letter, alphabet


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
