"""Looks for canaries in octets: as they are, and in what is packed, coded or escaped in them."""

import base64
import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.canaries import disguises
from tests.canaries.bird import WORDS, Bird, spellings

AROUND = 40
DEPTH = 3
MOST_UNPACKED = 1_000_000
MOST_SLOWLY = 10_000
MOST_FOR_HASHES = 8_000_000
"""Looking for a hash at each octet takes its time: not in what is larger, unless it was decoded."""
HEX_RUN = re.compile(rb"(?:[0-9a-f]{2}){8,}", re.IGNORECASE)
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
PACKED = re.compile(rb"x[\x01\x5e\x9c\xda]|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\0", re.DOTALL)
UNPACKERS: dict[bytes, Callable[[], Any]] = {
    b"x": zlib.decompressobj,
    b"\x1f": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    b"B": bz2.BZ2Decompressor,
    b"\xfd": lzma.LZMADecompressor,
}
BAD = (zlib.error, OSError, EOFError, lzma.LZMAError)


@dataclass(frozen=True)
class Trace:
    """A canary that was found: where, in which disguise, and what stands around it."""

    where: str
    disguise: str
    around: bytes

    def __str__(self) -> str:
        return f"{self.where}: {self.disguise}: …{self.around.decode('ascii', 'backslashreplace')}…"


class Finder:
    """Knows every disguise of these birds."""

    def __init__(self, birds: Iterable[Bird]) -> None:
        self._folded, self._exact = disguises.folded(WORDS), disguises.exact(WORDS)
        self._hashes = disguises.hashes(text for bird in birds for text in spellings(bird))
        raw = {bytes.fromhex(digits): name for digits, name in self._hashes.items()}
        self._raw_hashes = raw

    def traces(self, where: str, octets: bytes, depth: int = DEPTH) -> Iterator[Trace]:
        """Yield what is found in `octets`, once per disguise, and in what can be unpacked or decoded of it."""
        yield from self._seen(where, octets, octets.lower(), self._folded)
        yield from self._seen(where, octets, octets, self._exact)
        if depth < DEPTH or len(octets) < MOST_FOR_HASHES:
            yield from self._hashed(where, octets)
        if depth:
            for how, inner in _within(octets):
                yield from self.traces(f"{where}, {how}", inner, depth - 1)

    def _seen(self, where: str, octets: bytes, searched: bytes, known: dict[bytes, str]) -> Iterator[Trace]:
        for disguise, name in known.items():
            at = searched.find(disguise)
            if at >= 0:
                yield Trace(where, name, octets[max(0, at - AROUND) : at + len(disguise) + AROUND])

    def _hashed(self, where: str, octets: bytes) -> Iterator[Trace]:
        """Look for hashes, at whichever octet they begin."""
        half = disguises.KNOWN_BY // 2
        for at in range(len(octets) - half + 1):
            name = self._raw_hashes.get(octets[at : at + half])
            if name is not None:
                yield Trace(where, name, octets[at : at + half].hex().encode())


def _within(octets: bytes) -> Iterator[tuple[str, bytes]]:
    for match in PACKED.finditer(octets):
        unpacked = _unpacked(octets[match.start() : match.start() + MOST_UNPACKED])
        if unpacked:
            yield "unpacked", unpacked
    runs = [binascii.unhexlify(match.group()) for match in HEX_RUN.finditer(octets)]
    if runs:
        yield "hexadecimal", b"\n".join(runs)
    coded = [piece for match in BASE64_RUN.finditer(octets) for piece in _decoded(match.group())]
    if coded:
        yield "base64", b"\n".join(coded)


def _unpacked(octets: bytes) -> bytes:
    """Return what was packed, as far as it can be unpacked: its end may be missing, or not be its own."""
    try:
        return bytes(UNPACKERS[octets[:1]]().decompress(octets, MOST_UNPACKED))
    except BAD:
        return b"".join(_octet_by_octet(octets))


def _octet_by_octet(octets: bytes) -> Iterator[bytes]:
    unpacker = UNPACKERS[octets[:1]]()
    with suppress(*BAD):
        for octet in octets[:MOST_SLOWLY]:
            yield unpacker.decompress(bytes((octet,)))


def _decoded(run: bytes) -> Iterator[bytes]:
    """Yield what the run holds, at whichever of its letters the coding begins."""
    plain = run.translate(bytes.maketrans(b"-_", b"+/"))
    for start in range(4):
        piece = plain[start : start + (len(plain) - start) // 4 * 4]
        yield base64.b64decode(piece)
