"""Several relays: drawn by weight, and the next one when one is away."""

from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask

from newsletter.campaigns import service
from newsletter.campaigns.counts import counts
from newsletter.config import Settings
from newsletter.demo.services import free_port
from newsletter.mail import transport
from newsletter.mail.relays import Relays, relays
from newsletter.mail.replies import RelayAway
from newsletter.relay_urls import relays as read
from tests.campaigns.test_delivering import RunJobs
from tests.factories import make_campaign, make_newsletter, make_recipients
from tests.sink import Sink


@pytest.fixture
def other() -> Iterator[Sink]:
    """A second relay."""
    second = Sink()
    second.start()
    yield second
    second.stop()


@pytest.fixture
def settings(settings: Settings, sink: Sink, other: Sink) -> Settings:
    """An installation with two relays, and a third one that is away."""
    ports = (sink.port, other.port, free_port())
    return settings | {"MAIL_RELAYS": read(" ".join(f"smtp://127.0.0.1:{port}" for port in ports))}


def test_relays_are_drawn_by_weight() -> None:
    weighted = Relays([("heavy", 3), ("light", 1)])

    firsts = Counter(weighted.order()[0] for _ in range(4000))

    assert 2800 < firsts["heavy"] < 3200


def test_one_that_rests_comes_last() -> None:
    weighted = Relays([("heavy", 1000), ("light", 1)])

    weighted.rest("heavy")

    assert weighted.order() == ["light", "heavy"]


def test_a_campaign_goes_over_all_relays_that_are_there(app: Flask, sink: Sink, other: Sink, run_jobs: RunJobs) -> None:
    app.config["SENDING_CONNECTIONS"] = 16
    newsletter = make_newsletter()
    make_recipients(newsletter, 120)
    campaign = make_campaign(newsletter)

    service.send(campaign)
    run_jobs()

    assert counts(campaign.id)["sent"] == 120
    assert len(sink.mails) + len(other.mails) == 120
    assert sink.mails
    assert other.mails


def test_one_that_takes_nothing_is_left_alone_while_another_does(
    app: Flask, sink: Sink, other: Sink, run_jobs: RunJobs
) -> None:
    newsletter = make_newsletter()
    make_recipients(newsletter, 40)
    campaign = make_campaign(newsletter)
    sink.stop()

    service.send(campaign)
    run_jobs()
    sink.start()

    assert counts(campaign.id)["sent"] == len(other.mails) == 40


def test_all_of_them_away_is_away(app: Flask, sink: Sink, other: Sink) -> None:
    sink.stop()
    other.stop()

    with pytest.raises(RelayAway), transport.relay():
        pass

    assert len(relays().all) == 3
    sink.start()
