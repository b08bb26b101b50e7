"""Why a campaign paused by itself is stored in English, for the API, and told to staff in their language."""

import pytest
from flask import Flask

from newsletter.campaigns.faults import OurFault, explain
from newsletter.core.i18n import speaking
from newsletter.mail.replies import Reply


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(550, "5.7.1"), "der Mailserver lehnt ab (550 5.7.1)"),
        (Reply(550, ""), "der Mailserver lehnt ab (550)"),
        (None, "der Mailserver lehnt ab"),
    ],
)
def test_the_reason_of_a_pause_is_told_in_the_readers_language(app: Flask, reply: Reply | None, words: str) -> None:
    stored = str(OurFault(reply))

    with speaking("de"):
        assert explain(stored) == words
    assert stored.startswith("the relay refuses")


def test_a_reason_of_another_kind_is_told_as_it_is(app: Flask) -> None:
    with speaking("de"):
        assert explain("") == ""
        assert explain("newsletter: This newsletter has no recipients yet.").endswith("no recipients yet.")
