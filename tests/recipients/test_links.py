"""Links in mails: what they hold, that they age, and that none works at another's endpoint."""

import secrets
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from newsletter.config import Settings
from newsletter.core import tokens
from newsletter.core.db import utcnow
from newsletter.core.errors import BadToken, Expired
from newsletter.recipients import links

KEY = bytes(range(16))
pytestmark = pytest.mark.usefixtures("app")


def test_a_link_to_leave_says_whose_row_and_which_campaign(app: Flask) -> None:
    url = links.unsubscribe_url(KEY, 7)
    token = url.rsplit("/", 1)[1]

    assert url == f"{app.config['PUBLIC_URL']}/u/{token}"
    assert links.read_unsubscribe(token) == (KEY, 7)
    assert links.read_unsubscribe(links.unsubscribe_token(KEY)) == (KEY, None)
    assert len(token) == 48


def test_a_link_to_leave_never_ages() -> None:
    token = links.unsubscribe_token(KEY, 7)

    with time_machine.travel(utcnow() + timedelta(days=3650), tick=False):
        assert links.read_unsubscribe(token) == (KEY, 7)


def test_a_link_to_the_preferences_ages(app: Flask) -> None:
    days = app.config["PREFERENCES_DAYS"]
    fresh = links.preferences_token(KEY, utcnow() - timedelta(days=days, minutes=-1))
    aged = links.preferences_token(KEY, utcnow() - timedelta(days=days, minutes=1))

    assert links.read_preferences(fresh) == KEY
    with pytest.raises(Expired):
        links.read_preferences(aged)
    assert links.read_aged_preferences(aged) == KEY


def test_no_token_works_at_the_other_endpoint() -> None:
    leave, see = links.unsubscribe_token(KEY), links.preferences_token(KEY)

    with pytest.raises(BadToken):
        links.read_preferences(leave)
    with pytest.raises(BadToken):
        links.read_aged_preferences(leave)
    with pytest.raises(BadToken):
        links.read_unsubscribe(see)


def test_a_bent_token_is_no_token() -> None:
    token = links.unsubscribe_token(KEY, 7)
    bent = [token[:-1], token + "A", token[1:], token.swapcase(), token + "=", "", "ä", token[:10] + "." + token[11:]]
    bent += [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    bent.append(tokens.sign(links.UNSUBSCRIBE, KEY))

    for each in bent:
        with pytest.raises(BadToken):
            links.read_unsubscribe(each)


def test_links_of_an_older_secret_key_still_work(app: Flask, make_app, settings: Settings) -> None:
    token = links.unsubscribe_token(KEY, 7)
    newer = settings | {"SECRET_KEY": secrets.token_hex(32), "SECRET_KEY_FALLBACKS": [settings["SECRET_KEY"]]}

    with make_app(newer).app_context():
        assert links.read_unsubscribe(token) == (KEY, 7)
        assert links.unsubscribe_token(KEY, 7) != token
