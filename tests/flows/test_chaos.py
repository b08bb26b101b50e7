"""Each run of `make chaos`, a short one: the processes of the Procfile under fire, judged by what a relay saw."""

from collections.abc import Iterator

import pytest

from tests.chaos.killing import kills, terms
from tests.chaos.leaving import leaving
from tests.chaos.outages import outages
from tests.chaos.sleeping import sleeping
from tests.chaos.stage import Stage, set_up
from tests.chaos.troubling import troubles

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with set_up(tmp_path_factory.mktemp("chaos")) as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    yield whole_stage
    whole_stage.clear()


def test_killing_workers_loses_nobody_mails_nobody_twice_and_leaves_little_doubt(stage: Stage) -> None:
    result = kills(stage, audience=1000, times=5, gap=1.5)

    assert result.broken == []


def test_sigterm_leaves_no_doubt_however_many_get_it(stage: Stage) -> None:
    result = terms(stage, audience=1000, times=4, gap=1.0)

    assert result.broken == []


def test_a_campaign_outlives_restarts_and_crashes_of_its_services(stage: Stage) -> None:
    result = outages(stage, audience=1000, rounds=1, gap=1.0)

    assert result.broken == []


def test_a_connection_that_breaks_leaves_doubt_only_behind_the_dot(stage: Stage) -> None:
    result = troubles(stage, acts=("drop",))

    assert result.broken == []


def test_no_mail_begins_to_anybody_who_has_left(stage: Stage) -> None:
    result = leaving(stage, audience=1000, leavers=100, seconds=6.0)

    assert result.broken == []


def test_a_worker_that_slept_through_its_lease_sends_nothing(stage: Stage) -> None:
    result = sleeping(stage, naps=1, whole_naps=0)

    assert result.broken == []
