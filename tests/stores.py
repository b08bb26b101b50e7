"""Everything that an installation keeps, as one text to look for a person in: tables, Redis, logs."""

import zlib
from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql
from redis import Redis

from tests.procfile import Processes


def everything_stored(env: Mapping[str, str], processes: Processes | None = None) -> str:
    """Return the rows of all tables, all of Redis and what the processes have logged; bytes also unpacked."""
    pieces = [*_tables(env["DATABASE_URL"]), *_redis(env["REDIS_URL"])]
    if processes is not None:
        pieces.append(processes.log())
    return "\n".join(pieces)


def _tables(url: str) -> Iterator[str]:
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))):
                yield from (_text(value) for value in row)


def _redis(url: str) -> Iterator[str]:
    readers = {
        b"string": lambda redis, key: [redis.get(key)],
        b"list": lambda redis, key: redis.lrange(key, 0, -1),
        b"set": lambda redis, key: redis.smembers(key),
        b"zset": lambda redis, key: redis.zrange(key, 0, -1),
        b"hash": lambda redis, key: [piece for pair in redis.hgetall(key).items() for piece in pair],
        b"stream": lambda redis, key: [repr(entry).encode() for entry in redis.xrange(key)],
        b"none": lambda redis, key: [],
    }
    with Redis.from_url(url) as redis:
        for key in redis.scan_iter():
            yield _text(key)
            yield from (_text(value) for value in readers[redis.type(key)](redis, key))


def _text(value: object) -> str:
    """Return a value as text; bytes as they are, and unpacked when they are packed."""
    if not isinstance(value, bytes | memoryview):
        return str(value)
    raw = bytes(value)
    try:
        packed = zlib.decompress(raw)
    except zlib.error:
        packed = b""
    return (raw + b"\n" + packed).decode("utf-8", "replace")
