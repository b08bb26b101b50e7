"""Looks for readable addresses in every text and octet column of the database and in every key of Redis."""

import re
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, Text, cast, func, inspect, select, table
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import BYTEA

from newsletter.core import queues
from newsletter.core.db import db

ADDRESS = re.compile(rb"[A-Za-z0-9._%+-]{2,64}@[A-Za-z0-9-]{3,}(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
IN_SQL = r"[A-Za-z0-9._%+-]{2,64}@[A-Za-z0-9-]{3,}(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
"""Long enough that random octets look like one only once in billions."""
WITHOUT_TEXT = (int, float, bool, datetime, date, UUID)
WRITTEN_BY_STAFF = {"newsletter", "campaign", "wording", "link", "staff", "api_token"}
"""Tables of texts and of the staff themselves, in which addresses of senders and of staff have their place."""
SEALED = re.compile(r"(^|_)sealed$")
"""Other checks see that these open with our keys: what is sealed is not readable."""
MOST_VALUES = 10_000


def columns_with_addresses() -> tuple[int, dict[str, int]]:
    """Return how many columns were looked at, and how many rows of which hold an address, by `table.column`."""
    there, looked, found = inspect(db.session.connection()), 0, {}
    for name in there.get_table_names():
        for described in there.get_columns(name):
            column = described["name"]
            if name in WRITTEN_BY_STAFF or SEALED.search(column) or not _holds_text(described["type"]):
                continue
            looked += 1
            number = _rows(name, column, octets=isinstance(described["type"], BYTEA))
            if number:
                found[f"{name}.{column}"] = number
    return looked, found


def _holds_text(kind: Any) -> bool:
    # Types that Python has no one type for (json, arrays) can hold text as well.
    try:
        return kind.python_type not in WITHOUT_TEXT
    except NotImplementedError:
        return True


def _rows(name: str, column: str, *, octets: bool) -> int:
    value: ColumnElement[str] = sql_column(column, Text)
    value = func.encode(value, "escape") if octets else cast(value, Text)
    query = select(func.count()).select_from(table(name)).where(value.regexp_match(IN_SQL))
    if name == "audit_entry":
        # Staff are named there by their addresses, also those whose account has been deleted since.
        staff = select(sql_column("email", Text)).select_from(table("staff"))
        by_whom = sql_column("action", Text).startswith("account.")
        query = query.where(sql_column(column, Text) != sql_column("actor", Text), value.not_in(staff), ~by_whom)
    return db.session.execute(query).scalar_one()


def redis_keys_with_addresses() -> tuple[int, list[str]]:
    """Return how many keys Redis has, and the kinds of those in which an address stands; raise `RedisError`.

    The kind is the key up to its last colon: the rest could be the address.
    """
    looked, found = 0, []
    connection = queues.redis()
    for key in connection.scan_iter(count=1000):
        looked += 1
        if any(ADDRESS.search(octets) for octets in _octets(connection, key)):
            found.append(re.sub(rb"[^A-Za-z0-9:_-].*", b"", key.rpartition(b":")[0]).decode() or "(a key)")
    return looked, found


def _octets(connection: Any, key: bytes) -> Iterator[bytes]:
    yield key
    readers: dict[bytes, Any] = {
        b"string": lambda: [connection.get(key)],
        b"list": lambda: connection.lrange(key, 0, MOST_VALUES),
        b"set": lambda: connection.sscan_iter(key),
        b"zset": lambda: connection.zrange(key, 0, MOST_VALUES),
        b"hash": lambda: [piece for pair in connection.hscan_iter(key) for piece in pair],
        b"stream": lambda: [repr(entry).encode() for entry in connection.xrange(key, count=MOST_VALUES)],
    }
    read = readers.get(connection.type(key))
    for value in read() if read else []:
        if value is not None:
            yield value
            yield _unpacked(value)


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return b""


def some(name: str, column: str, limit: int) -> list[bytes]:
    """Return up to `limit` values of a column that are not NULL."""
    value = sql_column(column, LargeBinary)
    query = select(value).select_from(table(name)).where(value.is_not(None)).limit(limit)
    return list(db.session.execute(query).scalars())
