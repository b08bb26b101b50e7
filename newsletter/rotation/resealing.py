"""Sealing anew: batch by batch, each a statement and a transaction of its own that holds its rows for milliseconds.

What is read is not locked; what has been changed or is held by somebody when it is to be written is left for the next
round. Ended at any moment and begun again, it goes on where it was: what is sealed with the current key is done.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError

from newsletter.core.db import db
from newsletter.core.sealing import Opener, Unsealable, key_names, seal
from newsletter.rotation.columns import COLUMNS, Sealed

BATCH = 200
ROUNDS = 5
Row = tuple[int, bytes]


@dataclass(frozen=True)
class Step:
    """What a batch has done: so many values of a column, up to a row."""

    column: Sealed
    done: int
    last: int


def reseal(batch: int = BATCH) -> Iterator[Step]:
    """Seal everything anew that is sealed with an older key, and yield each step as it is done. Commits each."""
    for column in COLUMNS:
        for _round in range(ROUNDS):
            done = 0
            for step in _pass(column, batch):
                done += step.done
                yield step
            if not done:
                break


def _pass(column: Sealed, batch: int) -> Iterator[Step]:
    opener, last = Opener(column.purpose), 0
    while rows := _read(column, last, batch):
        last = rows[-1][0]
        try:
            done = _write(column, opener, rows)
        except IntegrityError:  # somebody is there twice, under two keys: one by one, without that one
            db.session.rollback()
            done = sum(_write_alone(column, opener, row) for row in rows)
        yield Step(column, done, last)


def _read(column: Sealed, last: int, batch: int) -> list[Row]:
    _current, *older = key_names(column.purpose)
    query = text(
        f"SELECT {column.key}, {column.column} FROM {column.table}"  # noqa: S608
        f" WHERE {column.key} > :last AND substring({column.column} FROM 1 FOR 4) = ANY(:older) AND {column.only}"
        f" ORDER BY {column.key} LIMIT :batch"
    )
    rows = db.session.execute(query, {"last": last, "older": older, "batch": batch}).all()
    db.session.rollback()
    return [(row[0], bytes(row[1])) for row in rows]


def _write(column: Sealed, opener: Opener, rows: list[Row]) -> int:
    keys, was, fresh, made = [], [], [], []
    for key, sealed in rows:
        try:
            plain = opener.open(sealed)
        except Unsealable:
            continue  # `standing` counts it
        keys.append(key)
        was.append(sealed)
        fresh.append(seal(column.purpose, plain))
        made.append(column.compute(plain) if column.compute else b"")
    values = {"keys": keys, "was": was, "fresh": fresh, "made": made}
    written = db.session.execute(_statement(column), values).all()
    db.session.commit()
    return len(written)


def _write_alone(column: Sealed, opener: Opener, row: Row) -> int:
    try:
        return _write(column, opener, [row])
    except IntegrityError:
        db.session.rollback()
        return 0


def _statement(column: Sealed) -> TextClause:
    # No key column is among these: it takes FOR NO KEY UPDATE, and passes senders, who hold FOR KEY SHARE.
    also = f", {column.digest} = free.made" if column.digest else ""
    return text(f"""
        WITH given AS (
            SELECT * FROM unnest(
                CAST(:keys AS integer[]), CAST(:was AS bytea[]), CAST(:fresh AS bytea[]), CAST(:made AS bytea[])
            ) AS given (key, was, fresh, made)
        ), free AS (
            SELECT given.* FROM {column.table} AS old JOIN given ON old.{column.key} = given.key
            WHERE old.{column.column} = given.was FOR NO KEY UPDATE OF old SKIP LOCKED
        )
        UPDATE {column.table} AS now SET {column.column} = free.fresh{also} FROM free
        WHERE now.{column.key} = free.key AND now.{column.column} = free.was
        RETURNING now.{column.key}
    """)  # noqa: S608
