"""Reads MAIL_RELAYS: several relays, each a URL with a weight.

smtps://user:password@one.example:465?weight=3, smtp://user:password@two.example:587?tls=starttls
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from newsletter.readers import is_host

SHAPE = (
    "must be URLs like smtps://user:password@mail.example.org:465?weight=2 or smtp://mail.example.org:587?tls=starttls"
)
PORTS = {"smtp": 25, "smtps": 465}
HEAVIEST = 1000


@dataclass(frozen=True)
class RelayUrl:
    """One relay. `use_ssl` is TLS from the first octet, `use_tls` is STARTTLS. Of two, one with twice the `weight`
    gets twice as many connections."""

    host: str
    port: int
    username: str | None
    password: str | None
    use_tls: bool
    use_ssl: bool
    weight: int


def relays(text: str) -> list[RelayUrl]:
    """Read relays, separated by spaces or commas; raise `ValueError`, which never holds the text: it has passwords."""
    return [_relay(word) for word in text.replace(",", " ").split()]


def _relay(word: str) -> RelayUrl:
    try:
        parts = urlsplit(word)
        port = parts.port
        wished = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise ValueError(SHAPE) from None
    good = parts.scheme in PORTS and is_host(parts.hostname or "") and parts.path in ("", "/") and port != 0
    if not good or not word.isascii() or not _is_wish(parts, wished):
        raise ValueError(SHAPE)
    return RelayUrl(
        host=parts.hostname or "",
        port=port or PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        use_tls=wished.get("tls") == "starttls",
        use_ssl=parts.scheme == "smtps",
        weight=int(wished.get("weight", "1")),
    )


def _is_wish(parts: SplitResult, wished: dict[str, str]) -> bool:
    weight, tls = wished.get("weight", "1"), wished.get("tls", "starttls")
    known = wished.keys() <= ({"weight"} if parts.scheme == "smtps" else {"weight", "tls"}) and tls == "starttls"
    return known and weight.isascii() and weight.isdecimal() and 1 <= int(weight) <= HEAVIEST
