"""One address, signed up over and over by form and API from as many networks, gets one mail (P1, T-05)."""

import time
from collections import Counter
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import func, select

from bench.insistence import OPEN, insist
from newsletter.core.db import db
from newsletter.mail.models import OutboxMail
from tests.factories import make_newsletter
from tests.procfile import Processes
from tests.sink import Sink

SIGN_UPS = 300


def test_three_hundred_sign_ups_of_one_address_from_many_networks_lead_to_one_mail(
    app: Flask, sink: Sink, make_processes: Processes
) -> None:
    slug = make_newsletter().slug
    make_processes.start("web", **OPEN)
    make_processes.start("worker", **OPEN)
    make_processes.wait_for("/healthz")

    answers = insist(urlsplit(make_processes.url).port or 0, slug, SIGN_UPS)
    deadline = time.monotonic() + 60
    while db.session.execute(select(func.count()).select_from(OutboxMail)).scalar_one():
        db.session.rollback()
        assert time.monotonic() < deadline, make_processes.log()
        time.sleep(0.05)

    assert answers.total() == SIGN_UPS
    assert set(answers) == {200, 202}
    assert Counter(mail.to[0] for mail in sink.mails) == {"kim@example.org": 1}
