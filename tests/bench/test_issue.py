"""The campaign that is sent in benchmarks, and the rivals' message that is made of it."""

from pathlib import Path

import pytest
from flask import Flask

from bench import issue, people, product, rivals
from bench.people import Crowd
from bench.relays import Relay
from newsletter.campaigns import service
from tests.campaigns.test_delivering import RunJobs
from tests.sink import Mail, Sink


@pytest.fixture
def mail(app: Flask, sink: Sink, run_jobs: RunJobs) -> Mail:
    """The mail to the sample person."""
    newsletter = people.newsletter("sample")
    people.fill(newsletter, iter([people.SAMPLE]))
    service.send(product.draft(Crowd(newsletter.id, newsletter.slug, 1)))
    run_jobs()
    return sink.to(people.SAMPLE[0])[0]


def test_a_mail_has_the_size_that_was_asked_for_and_ten_targets(mail: Mail) -> None:
    assert abs(len(mail.raw) - issue.OCTETS) < issue.OCTETS * 0.1, "links to localhost are a little shorter"
    assert {f"/{number}" in mail.text for number in range(1, 11)} == {True}


def test_the_templates_made_of_it_are_personal_where_it_is(mail: Mail, tmp_path: Path) -> None:
    places = rivals.write_templates(mail.raw, tmp_path)

    html = (tmp_path / "body.html").read_text()
    links = len(issue.TARGETS) + issue.LINKED_TWICE
    hidden = ["the pixel", "the link that only machines follow"]
    assert places == 3 + 2 * (links + len(["greeting", "unsubscribe", "preferences"])) + len(hidden)
    assert "Musterfrau" not in html
    assert "/o/{{ measurement }}.gif" in html
    assert html.count("/c/{{ measurement }}/") == links + 1


@pytest.mark.parametrize("name", list(rivals.RIVALS))
def test_rivals_send_it_to_each_person(mail: Mail, tmp_path: Path, sink: Sink, name: str) -> None:
    rivals.write_templates(mail.raw, tmp_path)

    sent = rivals.in_python(name, tmp_path, Relay(sink.port, 0), 3)

    theirs = [mail for number in range(3) for mail in sink.to(rivals.TO.format(number=number))]
    assert sent.mails == len(theirs) == 3
    for number, each in enumerate(theirs):
        assert f"Sehr geehrte Frau Dr. Muster{number}," in each.text
        assert each.html.count(f"/u/{rivals.personal(number)['unsubscribe']}") == 1
        assert "{{" not in each.text + each.html
