"""Lines to the relay, opened and closed beside each other."""

import time

import pytest
from flask import Flask

from newsletter.mail import exchange
from newsletter.mail.exchange import GOODBYE_SECONDS, Exchange
from tests.sink import Sink


def test_all_goodbyes_together_take_no_longer_than_one(app: Flask, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "AT_ONCE", 1)
    sink.hold("QUIT")

    with Exchange(app, 4, lambda: None) as lines:
        lines.open(4)
        while len(lines._lines) < 4:
            lines.step(0.1)
        start = time.monotonic()

    assert sink.holding
    assert time.monotonic() - start < 2 * GOODBYE_SECONDS
