"""P9: a dump of the database or of Redis, or the logs, contains no address and no name, whatever fails on the way."""

import base64
import bz2
import gzip
import hashlib
import html
import json
import logging
import lzma
import quopri
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from redis import Redis

from newsletter.config import Settings, from_env
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.promises import every
from newsletter.recipients.models import Recipient
from newsletter.recipients.person import Person
from tests.canaries import flock, troubles
from tests.canaries.bird import Bird
from tests.canaries.finder import Finder
from tests.canaries.stage import Stage, set_up
from tests.factories import make_recipient
from tests.signups import count
from tests.sink import Sink

BIRDS = [Bird(number) for number in range(20)]
BIRD = BIRDS[7]
ONE_AFTER_THE_OTHER = (
    troubles.sabotage_and_kills, troubles.talkative_relay, troubles.locked_tables, troubles.dropping_relay,
    troubles.talkative_relay, troubles.calm, troubles.no_database, troubles.unreadable_jobs, troubles.odd_requests,
    troubles.calm, troubles.dropping_relay, troubles.no_redis, troubles.calm,
)  # fmt: skip
"""What befalls them at signing up, the mail, the yes, the welcome, a campaign, reading, changing, asking for a
link, taking along, asking to move, moving, leaving and coming back."""


@pytest.fixture
def stage(app: Flask, database_url: str, sink: Sink, tmp_path: Path) -> Iterator[Stage]:
    """An installation whose processes nobody has started yet."""
    home = tmp_path / "home"
    home.mkdir()
    with set_up(home, database_url, sink, with_files=False) as stage:
        yield stage


@pytest.fixture(scope="module")
def finder() -> Finder:
    """Knows the twenty."""
    return Finder(BIRDS)


@pytest.mark.timeout(240)
def test_twenty_people_live_under_every_failure_and_leave_no_trace(
    make_app: Callable[[Settings], Flask], stage: Stage, finder: Finder
) -> None:
    stage.start(broken=True)

    with make_app(from_env(stage.env | {"LOG_LEVEL": "error"})).app_context():
        problems = flock.live(stage, BIRDS, troubles.in_turn(*ONE_AFTER_THE_OTHER))
        subscribed = count(Recipient)

    assert problems == []
    assert subscribed > 5, "too few are subscribed still"
    assert list(map(str, stage.traces(finder))) == []
    assert "failed" in stage.processes.log(), "nothing has failed on the way"


DISGUISES: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "Latin-1": lambda text: text.encode("latin-1"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: text.encode("utf-16-be"),
    "capital letters": lambda text: text.upper().encode(),
    "swapped letters": lambda text: text.swapcase().encode(),
    "backwards": lambda text: text[::-1].encode(),
    "in URLs": lambda text: quote(text).encode(),
    "in URLs, all of it": lambda text: "".join(f"%{octet:02X}" for octet in text.encode()).encode(),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one further": lambda text: base64.b64encode(b"x" + text.encode()),
    "base64, two further": lambda text: base64.urlsafe_b64encode(b"xy" + text.encode()),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")),
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())),
    "base32": lambda text: base64.b32encode(b"xyz" + text.encode()),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()),
    "JSON": lambda text: json.dumps(text).encode(),
    "Python": lambda text: ascii(text).encode(),
    "HTML": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace"),
    "zlib": lambda text: zlib.compress(b"to: " + text.encode()),
    "gzip": lambda text: gzip.compress(text.encode()),
    "bzip2": lambda text: bz2.compress(text.encode()),
    "xz": lambda text: lzma.compress(text.encode()),
    "zlib in hexadecimal": lambda text: zlib.compress(text.encode()).hex().encode(),
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode())),
}
HASHES: dict[str, Callable[[str], bytes]] = {
    "MD5, as Gravatar": lambda text: hashlib.md5(text.lower().encode()).hexdigest().encode(),  # noqa: S324
    "SHA-1": lambda text: hashlib.sha1(text.lower().encode()).hexdigest().upper().encode(),  # noqa: S324
    "SHA-256": lambda text: hashlib.sha256(text.encode()).digest(),
    "SHA-256, cut off, in base64": lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()[:16]),
}


@pytest.mark.parametrize("disguise", [*DISGUISES, *HASHES])
@pytest.mark.parametrize("text", [BIRD.typed, BIRD.address])
def test_an_address_is_found_in_every_disguise(finder: Finder, disguise: str, text: str) -> None:
    octets = (DISGUISES | HASHES)[disguise](text)

    assert list(finder.traces("somewhere", b'{"event": "' + octets + b'"}'))


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_a_name_is_found_in_every_disguise(finder: Finder, disguise: str, field: str) -> None:
    octets = DISGUISES[disguise](BIRD.name[field])

    assert list(finder.traces("somewhere", b"x\n" + octets + b"\n"))


def test_what_is_sealed_is_not_found(app: Flask, finder: Finder, stage: Stage) -> None:
    make_recipient(email=BIRD.address, person=Person(**BIRD.name))

    assert list(stage.traces(finder)) == []


def in_a_log_line(stage: Stage) -> None:
    line = logging.LogRecord("newsletter", logging.INFO, "x.py", 1, "mailed %s", (BIRD.address,), None)
    (stage.processes.logs / "worker.1.log").write_text(line.getMessage())


def in_a_key_of_redis(stage: Stage) -> None:
    with Redis.from_url(stage.redis_url) as redis:
        redis.set(f"seen:{BIRD.address}", 1)


def in_a_value_of_redis(stage: Stage) -> None:
    with Redis.from_url(stage.redis_url) as redis:
        redis.hset("rq:job:1", "exc_info", zlib.compress(f"failed for {BIRD.name['last_name']}".encode()))


def in_the_description_of_a_job(stage: Stage) -> None:
    with Redis.from_url(stage.redis_url) as redis:
        queue = queues.Queue(queues.MAIL, connection=redis, serializer="json", job_class=queues.AppJob)
        queue.enqueue("newsletter.optin.jobs.send_welcome", 1, description=f"send_welcome({BIRD.address!r})")


def in_a_column(stage: Stage) -> None:
    db.session.execute(
        db.text("INSERT INTO audit_entry (actor, action, subject) VALUES ('x', 'y', :it)"), {"it": BIRD.typed}
    )
    db.session.commit()


def in_a_column_of_octets(stage: Stage) -> None:
    sealed = b"\0" + BIRD.name["first_name"].encode("utf-16")
    db.session.execute(db.text("INSERT INTO outbox_mail (job, sealed) VALUES ('-', :it)"), {"it": sealed})
    db.session.commit()


def in_a_file_that_was_forgotten(stage: Stage) -> None:
    (stage.temporary / f"{BIRD.address}.eml").touch()


PLACES = (
    in_a_log_line, in_a_key_of_redis, in_a_value_of_redis, in_the_description_of_a_job, in_a_column,
    in_a_column_of_octets, in_a_file_that_was_forgotten,
)  # fmt: skip


@pytest.mark.parametrize("put", PLACES, ids=lambda put: put.__name__)
def test_what_is_put_somewhere_on_purpose_is_found_there(
    stage: Stage, finder: Finder, put: Callable[[Stage], None]
) -> None:
    put(stage)

    assert list(stage.traces(finder))


def broken(*logs: Path) -> dict[int, str]:
    """Return what `newsletter promises` finds, by promise; but that no rule was ever enforced in so new a database."""
    return {each.number: " / ".join(each.found) for each in every.check(logs) if not each.held and each.number != 7}


def test_the_command_names_it_when_an_address_stands_in_a_log(app: Flask, tmp_path: Path) -> None:
    make_recipient(email="kim@example.org")
    log = tmp_path / "worker.log"
    log.write_text('{"event": "sent as news@stadtwerke-musterstadt.example"}\n')
    assert broken(tmp_path) == {}

    log.write_text('{"event": "a line"}\n{"event": "mailed to kim@example.org"}\n')

    assert broken(tmp_path) == {9: f"1 × line with a readable address in {log}"}
    result = app.test_cli_runner().invoke(args=["promises", "--logs", str(log)])
    assert (result.exit_code, "BROKEN  P9" in result.output, "kim@" in result.output) == (1, True, False)


def test_the_command_names_it_when_an_address_stands_in_the_description_of_a_job(app: Flask) -> None:
    make_recipient(email="kim@example.org")
    queues.queue(queues.MAIL).enqueue(
        "newsletter.optin.jobs.send_welcome", 1, description="send_welcome('kim@example.org')"
    )

    assert set(broken()) == {1, 9}
