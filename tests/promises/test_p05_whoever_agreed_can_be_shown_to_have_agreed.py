"""P5: whoever agreed can be shown to have agreed, by words, versions and times, also when the address is gone."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from newsletter.core.db import db, utcnow
from newsletter.privacy import chain, receipts, verifying
from newsletter.privacy.models import Receipt
from newsletter.recipients import consent, newsletters, service, statement
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_receipt
from tests.signups import path, sign_up
from tests.sink import Sink

EMAIL = "canary.proof@example.org"


def proof(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["proof", EMAIL, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_consent_is_shown_with_words_and_times_after_the_address_is_gone(
    app: Flask, client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    newsletter = make_newsletter(consent_text="Ja, ich will <die> Post.")
    agreed_to, told = consent.text(newsletter, "de"), statement.text("en")
    sign_up(client, newsletter, EMAIL)
    run_jobs()
    client.post(path(sink.mails[0].link("/confirm/")))
    run_jobs()
    newsletters.change(newsletter, {"consent_text": "Etwas ganz anderes."})
    service.erase(db.session.query(Recipient).one().link_key, way="one-click")
    chain.link_new()

    receipt = db.session.query(Receipt).one()
    shown = proof(app), proof(app, "--language", "de"), proof(app, "--html", "--language", "de")

    assert receipt.mailed_at is not None
    assert receipt.requested_at <= receipt.mailed_at <= receipt.confirmed_at
    times = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (receipt.requested_at, receipt.mailed_at, receipt.confirmed_at)]
    for page in shown:
        for part in [*times, receipt.consent_wording.hex(), receipt.seal.hex(), f"/n/{newsletter.slug}"]:
            assert part in page, part
        assert "Etwas ganz anderes." not in page
    for line in [*agreed_to.splitlines(), *told.splitlines()]:
        assert line in shown[0]
        assert line in shown[1]
    assert "Ja, ich will &lt;die&gt; Post." in shown[2]
    assert "Nachweis einer Einwilligung" in shown[1]
    assert "<script" not in shown[2]
    assert "src=" not in shown[2]


def test_the_subscriber_has_the_same_receipt(
    app: Flask, client: FlaskClient, run_jobs: Callable[[], int], sink: Sink
) -> None:
    sign_up(client, make_newsletter(), EMAIL)
    run_jobs()
    client.post(path(sink.mails[0].link("/confirm/")))
    run_jobs()

    receipt, welcome = db.session.query(Receipt).one(), sink.mails[1]

    for part in (receipt.seal.hex(), f"{receipt.confirmed_at:%Y-%m-%dT%H:%M:%SZ}"):
        assert part in welcome.text
        assert part in welcome.html


def test_no_one_can_change_it_unnoticed_and_it_goes_when_its_time_is_up(app: Flask, client: FlaskClient) -> None:
    newsletter = make_newsletter()
    receipt_id = make_receipt(newsletter, EMAIL)
    closing = text(f"{receipts.CLOSE} WHERE id = :receipt_id")
    db.session.execute(closing, receipts.closing(receipt_id, "page"))
    db.session.commit()
    chain.link_new()
    assert list(verifying.problems()) == []

    db.session.execute(text("UPDATE receipt SET confirmed_at = confirmed_at - interval '1 second'"))
    assert list(verifying.problems()) == [f"receipt {receipt_id}: is not as it was written"]
    db.session.rollback()

    chain.delete_receipts(Receipt.delete_after < utcnow() + timedelta(days=366 * 4))
    assert db.session.query(Receipt).count() == 0
    assert list(verifying.problems()) == []
