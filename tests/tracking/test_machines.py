"""What scanners of links and prefetching programs do is told apart within minutes, and is in no figure of people."""

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.campaigns.compose import Issue, render
from newsletter.campaigns.slots import Slot
from newsletter.core import queues
from newsletter.core.db import db
from newsletter.recipients.models import Newsletter
from newsletter.tracking import buffer, counting, machines
from newsletter.tracking.models import MACHINE_CLICK, MACHINE_OPEN, TRAP
from newsletter.tracking.report import report
from tests import factories
from tests.tracking.measured import Measured, count, make_measured

URLS = [f"https://www.example.org/{number}" for number in range(1, 10)]
NOW = int(time.time() * 1000)
APPLE = "Mozilla/5.0"
GMAIL_CACHE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.fixture
def measured(app: Flask) -> Measured:
    """Return a campaign with nine links."""
    return make_measured(URLS)


def note(measured: Measured, link: int, at_ms: int, person: int = 1) -> str:
    campaign, recipient = measured.ids.spell(person).split("-")
    return f"{campaign} {link} {at_ms} {recipient}"


def counted(measured: Measured, *notes: str) -> dict[int, tuple[int, int]]:
    """Push notes and count them at once; return people and times by link."""
    buffer.push(queues.redis(), notes, 0)
    buffer.drain(settle_seconds=0)
    return measured.totals()


def test_a_sweep_over_all_links_within_a_second_is_a_machine_with_the_pixel_it_loaded(measured: Measured) -> None:
    sweep = [note(measured, link, NOW + 90 * link) for link in range(10)]

    assert counted(measured, *sweep) == {MACHINE_OPEN: (1, 1), MACHINE_CLICK: (1, 9)}


def test_whoever_reads_a_mail_and_clicks_link_after_link_is_a_person(measured: Measured) -> None:
    reader = [note(measured, link, NOW + 2000 * link) for link in range(4)]
    impatient = [note(measured, 1, NOW + 90 * again, person=2) for again in range(8)]
    two_tabs = [note(measured, link, NOW + 300 * link, person=3) for link in (1, 2)]

    totals = counted(measured, *reader, *impatient, *two_tabs)

    assert totals[0] == (1, 1)
    assert totals[-1] == (3, 3 + 8 + 2)
    assert MACHINE_CLICK not in totals


def test_a_scanner_does_not_make_its_reader_a_machine(measured: Measured) -> None:
    sweep = [note(measured, link, NOW - 600_000 + 90 * link) for link in range(10)]
    reader = [note(measured, link, NOW) for link in (0, 4)]

    totals = counted(measured, *sweep, *reader)

    assert (totals[0], totals[4], totals[-1]) == ((1, 1),) * 3
    assert totals[MACHINE_CLICK] == (1, 9)


def test_a_burst_that_falls_into_two_lists_is_one(measured: Measured) -> None:
    sweep = [note(measured, link, NOW + 90 * link) for link in range(1, 5)]
    for part in (sweep[:2], sweep[2:]):  # neither is one by itself
        buffer.push(queues.redis(), part, 0)
        assert buffer.drain() == 0  # nothing is counted before it has settled

    assert counted(measured) == {MACHINE_CLICK: (1, 4)}


def test_what_follows_the_link_that_nobody_can_see_is_a_machine_and_gets_home(
    app: Flask, client: FlaskClient, measured: Measured
) -> None:
    for number in (TRAP, 1):
        answer = client.get(measured.link(1, number))
        assert answer.status_code == 302
        assert answer.headers["Location"] == (URLS[0] if number == 1 else app.config["PUBLIC_URL"])
    client.get(measured.link(2, 1))
    count()

    assert measured.totals() == {MACHINE_CLICK: (1, 2), 1: (1, 1), -1: (1, 1)}
    assert [link.url for link in report(measured.id, 100).links] == URLS


@pytest.mark.parametrize(
    ("agent", "by"),
    [(APPLE, MACHINE_OPEN), ("Mozilla/5.0 (compatible; BarracudaCentral)", MACHINE_OPEN), (GMAIL_CACHE, 0), ("", 0)],
)
def test_known_programs_are_told_by_their_names_which_nobody_keeps(
    client: FlaskClient, measured: Measured, agent: str, by: int
) -> None:
    client.get(measured.pixel(1), headers={"User-Agent": agent})
    count()

    assert measured.totals() == {by: (1, 1)}


def test_verdicts_are_forgotten_within_minutes(measured: Measured) -> None:
    counted(measured, *[note(measured, link, NOW) for link in range(1, 10)])

    (key,) = queues.redis().keys(f"{machines.KEY}*")
    assert key.decode() == machines.KEY + measured.ids.spell(1)
    assert 0 < queues.redis().ttl(key) <= machines.KEPT_SECONDS
    assert queues.redis().keys("newsletter:events*") == []


def test_machines_are_shown_in_steps_like_people(measured: Measured) -> None:
    notes = [note(measured, link, NOW, person) for person in range(7) for link in range(10)]

    counted(measured, *notes)

    shown = report(measured.id, delivered=100)
    assert (shown.machine_opens.unique, shown.machine_clicks.unique) == (5, 5)
    assert (shown.opens.unique, shown.clicks.unique) == (None, None)


def test_a_trap_that_was_judged_too_late_is_no_person_all_the_same(measured: Measured) -> None:
    counting.count([note(measured, TRAP, NOW).encode()])
    db.session.commit()

    assert measured.totals() == {MACHINE_CLICK: (1, 1)}


@pytest.mark.parametrize("measured_mail", [True, False])
def test_the_link_that_nobody_can_see_is_hidden_from_everybody_and_in_measured_mails_only(
    app: Flask, measured_mail: bool
) -> None:
    campaign = factories.make_campaign()
    issue = Issue.of(db.session.get_one(Newsletter, campaign.newsletter_id), campaign)

    mail = render(issue, {slot: slot.name for slot in Slot}, measured=measured_mail)

    before, found, after = mail.html.partition(f"/{TRAP}")
    assert bool(found) is measured_mail
    assert f"/{TRAP}" not in mail.text
    if measured_mail:
        container, anchor = before[before.rindex("<div") :], after[: after.index("</div>")]
        assert 'aria-hidden="true"' in container
        assert "display: none" in container
        assert 'tabindex="-1"' in anchor
        assert anchor.partition(">")[2] == "</a>"
