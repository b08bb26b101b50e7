"""What the demonstration remembers between two starts."""

import socket
import stat
from pathlib import Path

import pytest

from newsletter.demo.home import Home
from newsletter.demo.services import ServiceError, free_port


def test_two_demonstrations_do_not_share_a_home(tmp_path: Path) -> None:
    first, second, beside = Home(tmp_path / "var"), Home(tmp_path / "var"), Home(tmp_path / "other")

    with first.kept(), beside.kept(), pytest.raises(ServiceError, match="Another demonstration"), second.kept():
        pass

    with second.kept():
        pass


def test_the_secret_key_stays_and_is_ours_alone(tmp_path: Path) -> None:
    key = Home(tmp_path).secret_key()

    assert Home(tmp_path).secret_key() == key
    assert len(key) >= 32
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_the_port_stays_so_that_links_in_earlier_mails_work(tmp_path: Path) -> None:
    preferred = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", preferred))
        other.listen()
        first = Home(tmp_path).port("web", preferred)

    assert first != preferred
    assert Home(tmp_path).port("web", preferred) == first
