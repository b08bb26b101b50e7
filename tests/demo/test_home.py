"""What the demonstration remembers between two starts."""

import socket
import stat
from pathlib import Path

import pytest

from newsletter.demo.home import Home
from newsletter.demo.services import ServiceError, bind


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
    with bind(0) as other:
        preferred = number_of(other)
        with Home(tmp_path).port("web", preferred) as bound:
            first = number_of(bound)

    with Home(tmp_path).port("web", preferred) as bound:
        assert number_of(bound) == first != preferred


def test_a_port_is_nobody_elses_from_the_moment_it_is_chosen(tmp_path: Path) -> None:
    with Home(tmp_path / "one").port("web", 0) as one, Home(tmp_path / "two").port("web", number_of(one)) as two:
        assert number_of(two) != number_of(one)


def number_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])
