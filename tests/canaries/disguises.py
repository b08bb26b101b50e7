"""The forms in which a word may lie in a store without being seen by who only looks for the word."""

import base64
import hashlib
import html
import json
import quopri
import unicodedata
from collections.abc import Iterable, Iterator
from html.entities import codepoint2name
from urllib.parse import quote

CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")
HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s")
KNOWN_BY = 16
"""So many hexadecimal digits tell a hash: it may have been cut off."""
LEAST = 6
"""Fewer octets than that could be found by chance."""


def folded(words: Iterable[str]) -> dict[bytes, str]:
    """Return the disguises in which capital and small letters do not matter, as octets in small letters: their name."""
    found: dict[bytes, str] = {}
    for word in words:
        for text in (form for case in _cases(word) for form in (case, case[::-1])):
            for charset in CHARSETS:
                for how, octets in _octets(_encoded(text, charset)):
                    found.setdefault(octets.lower(), f"{word}: {charset} {how}".strip())
        for name, text in _escaped(word):
            found.setdefault(text.encode().lower(), f"{word}: {name}")
    return _fewest(found)


def exact(words: Iterable[str]) -> dict[bytes, str]:
    """Return the disguises that keep the case of letters: base64, in its three alignments, and base32."""
    found: dict[bytes, str] = {}
    for word in words:
        for text in _cases(word):
            for charset in CHARSETS:
                octets = _encoded(text, charset)
                for shift in range(3):
                    coded = _inside(octets, shift)
                    found.setdefault(coded, f"{word}: {charset} base64")
                    found.setdefault(coded.translate(bytes.maketrans(b"+/", b"-_")), f"{word}: {charset} base64url")
                for shift in range(5):
                    found.setdefault(_inside_32(octets, shift), f"{word}: {charset} base32")
    return _fewest(found)


def hashes(texts: Iterable[str]) -> dict[str, str]:
    """Return the beginnings of the unsalted hashes of whole texts, in hexadecimal digits: which hash that is."""
    found = {}
    for text in texts:
        for name in HASHES:
            found[hashlib.new(name, text.encode()).hexdigest()[:KNOWN_BY]] = f"{name} of an address"
    return found


def _cases(word: str) -> set[str]:
    forms = {word, word.lower(), word.upper(), word.title(), word.swapcase()}
    return forms | {unicodedata.normalize("NFD", form) for form in forms}


def _escaped(word: str) -> Iterator[tuple[str, str]]:
    """Yield the word in disguises that are text themselves."""
    for form in _cases(word):
        yield "JSON", json.dumps(form)[1:-1]
        yield "HTML", html.escape(form).encode("ascii", "xmlcharrefreplace").decode()
        yield "HTML, hexadecimal", "".join(c if c.isascii() else f"&#x{ord(c):x};" for c in form)
        yield "HTML, by name", "".join(c if c.isascii() else f"&{codepoint2name.get(ord(c), '')};" for c in form)
        yield "Python", ascii(form)[1:-1]
        yield "Python's octets", repr(form.encode())[2:-1]
        yield "Python's octets, latin-1", repr(_encoded(form, "latin-1"))[2:-1]
        yield "octal", "".join(chr(c) if c < 128 else f"\\{c:03o}" for c in form.encode())


def _octets(octets: bytes) -> Iterator[tuple[str, bytes]]:
    yield "", octets
    yield "hexadecimal", octets.hex().encode()
    yield "in URLs", quote(octets, safe="").encode()
    yield "in URLs, all", "".join(f"%{c:02x}" for c in octets).encode()
    yield "quoted-printable", quopri.encodestring(octets).replace(b"=\n", b"")
    yield "quoted-printable, header", quopri.encodestring(octets, header=True).replace(b"=\n", b"")


def _encoded(text: str, charset: str) -> bytes:
    return text.encode(charset, "ignore")


def _inside(octets: bytes, shift: int) -> bytes:
    """Return the part of the base64 that is the same whatever stands before (`shift` octets) and behind."""
    coded = base64.b64encode(bytes(shift) + octets)
    whole = (len(octets) + shift) // 3 * 4
    return coded[(shift * 8 + 5) // 6 : whole]


def _inside_32(octets: bytes, shift: int) -> bytes:
    coded = base64.b32encode(bytes(shift) + octets)
    whole = (len(octets) + shift) // 5 * 8
    return coded[(shift * 8 + 4) // 5 : whole]


def _fewest(found: dict[bytes, str]) -> dict[bytes, str]:
    """Leave out what is too short, and what can't be there without another one that is in it."""
    kept: dict[bytes, str] = {}
    for octets in sorted(found, key=len):
        if len(octets) >= LEAST and not any(other in octets for other in kept):
            kept[octets] = found[octets]
    return kept
