"""Every place where an installation leaves something: a dump of the database, Redis, and what lies in files."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from newsletter.demo.postgres import PACKAGE
from newsletter.demo.services import plain_env, wheel

PIECE, OVERLAP = 16_000_000, 4_000
Place = tuple[str, bytes]


def dump(url: str) -> Place:
    """Return the whole database as text, as `pg_dump` writes it."""
    program = wheel(PACKAGE, "DATABASE_URL") / "pginstall" / "bin" / "pg_dump"
    done = subprocess.run([program, url], env=plain_env(), capture_output=True, check=True)
    return "dump of the database", done.stdout


def redis(url: str) -> Iterator[Place]:
    """Yield each key of Redis with all that it holds."""
    readers = {
        b"string": lambda key: [client.get(key)],
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": lambda key: client.smembers(key),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"hash": lambda key: [piece for pair in client.hgetall(key).items() for piece in pair],
        b"stream": lambda key: [repr(entry).encode() for entry in client.xrange(key)],
    }
    with Redis.from_url(url) as client:
        for key in client.scan_iter():
            read = readers.get(client.type(key), lambda _key: [])
            # One by one: what is packed begins where a value begins.
            for value in (key, *read(key)):
                yield f"Redis, {key.decode(errors='replace')}", value or b""


def files(directory: Path) -> Iterator[Place]:
    """Yield all files below a directory, their names too, in pieces that overlap."""
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        yield "name of a file", name.encode()
        if path.is_file() and not path.is_symlink():
            for piece in _pieces(path):
                yield f"file {name}", piece


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            piece = file.read(PIECE)
            while piece:
                yield piece
                rest = file.read(PIECE)
                piece = piece[-OVERLAP:] + rest if rest else b""
    except FileNotFoundError:  # a server removes its files as it likes
        return
