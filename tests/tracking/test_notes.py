"""The notes of one process: bounded, patient with Redis, and never taken twice after a fork."""

import os
import time
from collections.abc import Sequence
from threading import Thread

from redis import RedisError

from newsletter.tracking.notes import Note, Notes, parse


class Taker:
    """Takes notes as Redis would; away while `away`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.dropped = 0
        self.away = False

    def __call__(self, notes: Sequence[str], dropped: int) -> None:
        if self.away:
            raise RedisError
        self.taken.extend(notes)
        self.dropped += dropped


def test_a_note_is_the_two_words_the_link_and_the_moment() -> None:
    taker = Taker()
    notes = Notes(taker)

    notes.note("campaign", "3", "recipient")
    notes.note("campaign", "0", "recipient", by_itself=True)
    notes.close()

    click, prefetch = (parse(note.encode()) for note in taker.taken)
    assert click is not None
    assert prefetch is not None
    assert click._replace(at_ms=0) == Note("campaign", 3, 0, "recipient", by_itself=False)
    assert prefetch._replace(at_ms=0) == Note("campaign", 0, 0, "recipient", by_itself=True)
    assert click.measurement_id == "campaign-recipient"
    assert abs(click.at_ms - time.time() * 1000) < 60_000


def test_notes_are_taken_by_themselves_within_a_second() -> None:
    taker = Taker()
    notes = Notes(taker)

    notes.note("a", "0", "b")

    deadline = time.monotonic() + 5
    while not taker.taken and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(taker.taken) == 1
    notes.close()


def test_while_redis_is_away_the_newest_are_kept_and_the_others_counted() -> None:
    taker = Taker()
    notes = Notes(taker, most=10)
    taker.away = True

    for number in range(25):
        notes.note("a", str(number), "b")
    assert not notes.flush()
    taker.away = False
    notes.close()

    assert 10 <= len(taker.taken) <= 20
    assert taker.taken[-1].startswith("a 24 ")
    assert taker.dropped == 25 - len(taker.taken)


def test_what_could_not_be_taken_is_taken_later_and_once() -> None:
    taker = Taker()
    notes = Notes(taker)
    taker.away = True
    notes.note("a", "1", "b")
    assert not notes.flush()
    taker.away = False

    notes.note("a", "2", "b")
    notes.close()

    assert [note.split(" ")[1] for note in taker.taken] == ["1", "2"]


def test_many_threads_lose_nothing() -> None:
    taker = Taker()
    notes = Notes(taker)

    threads = [Thread(target=lambda: [notes.note("a", "0", "b") for _number in range(2000)]) for _thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notes.close()

    assert len(taker.taken) == 8000


def test_a_forked_child_takes_its_own_notes_and_not_its_parents() -> None:
    taker = Taker()
    taker.away = True
    notes = Notes(taker)
    notes.note("parent", "0", "b")

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        taker.away = False
        notes.note("child", "0", "b")
        notes.flush()
        os.write(write, "\n".join(taker.taken).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read, 1000).decode().split(" ")[0] == "child"
    assert len(notes) == 1
    taker.away = False
    notes.close()
