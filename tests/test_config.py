"""Settings: each wrong one is a line of the one message, before anything else trips over it."""

import os
import subprocess
import sys

import pytest

from newsletter.config import ConfigError, from_env

GOOD = {
    "DATABASE_URL": "postgres://user:secret@127.0.0.1:5432/newsletter",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SECRET_KEY": "a secret key that only the tests use, of enough characters",
    "PUBLIC_URL": "https://news.example.org",
    "MAIL_SERVER": "mail.example.org",
    "MAIL_DEFAULT_SENDER": "Stadtwerke Musterstadt <news@example.org>",
}
WRONG = {
    "DATABASE_URL": [
        "postgres://u:secret@h:abc/db", "postgres://", "postgres://h", "postgres://h:99999/db", "postgres://a b/db",
        "postgres://[::1/db", "mysql://h/db",
    ],
    "REDIS_URL": [
        "redis://h:notaport/0", "redis://h:99999/0", "redis://h/abc", "redis://h/0/1", "redis://", "redis://h?db=a",
        "redis://[::1/0", "unix://", "http://h",
    ],
    "HOST": ["not a host", "http://127.0.0.1", "127.0.0.1:8000", "höst"],
    "MAIL_SERVER": ["a b", "http://x", "mail.example.org:25", "mail.straße.de", "-x", "a..b"],
    "MAIL_DEFAULT_SENDER": [
        "Name <a@straße.de>", "ä@example.org", "Name <ä@example.org>", "Name <a@example.org", "a@example.org>",
        "a b@example.org", "Name", "a@b@example.org", "Name <a@example.org> more", "<@example.org>", "a@exam ple.org",
        "a@example.org\nBcc: b@example.org",
    ],
    "PUBLIC_URL": [
        "https://user:secret@news.example.org", "https://user@news.example.org", "https://news.example.org:abc",
        "https://news.example.org:99999", "https://[::1", "https://", "ftp://news.example.org", "https://a/?b",
    ],
    "MAILS_PER_SECOND": ["-1", "1.5", "many"],
    "MAILS_PER_SECOND_BY_DOMAIN": ["gmx.de", "gmx.de=", "gmx.de=0", "=5", "gmx.de=1.5", "straße.de=5", "a b=5"],
    "HARD_BOUNCES": ["0", "11"],
}  # fmt: skip
RIGHT = {
    "DATABASE_URL": [
        "postgresql+psycopg://user@/db?host=/run/postgresql", "postgresql:///db", "postgres://u:p%40@[::1]:5432/db",
        "postgres://db_1/db?sslmode=require",
    ],
    "REDIS_URL": [
        "rediss://:secret@cache.example.org:6380", "redis://h", "redis://h/", "redis://[::1]:1/2",
        "unix:///run/valkey.sock?db=1", "redis://h?db=3",
    ],
    "HOST": ["0.0.0.0", "::", "localhost", "127.0.0.1"],  # noqa: S104
    "MAIL_SERVER": ["mail_relay", "::1", "xn--strae-oqa.de", "mail.example.org."],
    "MAIL_DEFAULT_SENDER": [
        "a@example.org", "<a@example.org>", "Größe & Co. <o'neil+news@xn--strae-oqa.de>", '"A, B" <a@localhost>',
    ],
    "MAILS_PER_SECOND_BY_DOMAIN": ["gmx.de=10,web.de=5", " GMX.de=1 , xn--strae-oqa.de=5,"],
    "PUBLIC_URL": ["http://localhost:8000", "https://news.example.org/", "https://[::1]:8443"],
}  # fmt: skip


def cases(values: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, each in values.items() for value in each]


@pytest.mark.parametrize(("name", "value"), cases(WRONG))
def test_a_malformed_setting_is_named_and_its_value_is_not_said(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        from_env(GOOD | {name: value})

    _intro, *lines = str(refused.value).splitlines()
    assert [line.split()[1] for line in lines] == [name]
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("name", "value"), cases(RIGHT))
def test_what_is_well_formed_is_taken(name: str, value: str) -> None:
    assert from_env(GOOD | {name: value})[name]


def test_all_that_is_wrong_is_said_in_one_message_with_exit_code_2() -> None:
    wrong = {name: values[0] for name, values in WRONG.items()}

    ended = subprocess.run(
        [sys.executable, "-m", "newsletter.config"],
        env={"PATH": os.defpath} | GOOD | wrong, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 2
    assert {line.split()[1] for line in ended.stderr.splitlines()[1:]} == set(wrong)
    assert "Traceback" not in ended.stderr
