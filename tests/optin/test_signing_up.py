"""The sign-up form: what it takes, what it says back, what it leaves behind."""

from collections.abc import Callable
from datetime import timedelta

import time_machine
from flask import Flask
from flask.testing import FlaskClient

from newsletter.config import Settings
from newsletter.core import queues
from newsletter.core.db import db, utcnow
from newsletter.core.sealing import unseal_json
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.optin.signup import SignUp
from newsletter.privacy import wordings
from newsletter.privacy.models import Receipt, Wording
from newsletter.recipients import newsletters
from newsletter.recipients.models import Recipient
from tests.factories import make_newsletter, make_recipient
from tests.outages import counting_queries, database_away
from tests.signups import count, sign_up
from tests.sink import Sink

EMAIL = "kim.beispiel@example.org"


def error_of(page: str, field: str) -> str:
    """Return what the page says at the field, or an empty text."""
    marker = f'id="{field}-error">'
    return page.split(marker)[1].split("<")[0] if marker in page else ""


def test_a_sign_up_leaves_one_sealed_row_and_no_recipient(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    answer = sign_up(client, newsletter, EMAIL, first_name="Kim", last_name="Beispiel", salutation="ms", title="Dr.")

    assert answer.status_code == 200
    assert (count(OutboxMail), count(Recipient), count(Receipt)) == (1, 0, 0)
    assert b"kim" not in db.session.query(OutboxMail).one().sealed


def test_the_answer_is_the_same_octets_for_everyone(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "there@example.org")

    answers = [
        sign_up(client, newsletter, email)
        for email in ("new@example.org", "new@example.org", "there@example.org", "THERE@example.org")
    ]

    assert {(answer.status, answer.data, str(answer.headers)) for answer in answers} == {
        ("200 OK", answers[0].data, str(answers[0].headers))
    }
    assert count(OutboxMail) == 4


def test_the_answer_is_that_of_the_newsletter_as_it_is_now_and_of_the_language(client: FlaskClient) -> None:
    newsletter, other = make_newsletter(from_name="Stadtwerke"), make_newsletter(from_name="Bäderbetriebe")

    def answer(address: str = "", language: str = "de") -> str:
        path, headers = f"/n/{newsletter.slug}{address}", {"Accept-Language": language}
        return client.post(path, data={"email": EMAIL}, headers=headers).text

    german, again, english, asked = answer(), answer(), answer(language="en"), answer("?lang=en")
    of_other = sign_up(client, other, EMAIL).text
    newsletters.change(newsletter, {"from_name": "Netze", "title": "Netzbrief"})
    changed = answer()

    assert german == again
    assert "Stadtwerke" in german
    assert ['<html lang="de">' in page for page in (german, english, asked)] == [True, False, False]
    assert ["?lang=en" in page for page in (german, english, asked)] == [False, False, True]
    assert "Bäderbetriebe" in of_other
    assert [word in changed for word in ("Netze", "Netzbrief", "Stadtwerke")] == [True, True, False]


def test_the_work_is_the_same_for_everyone(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter, "there@example.org")
    sign_up(client, newsletter, "first@example.org")

    with counting_queries() as for_new:
        sign_up(client, newsletter, "new@example.org")
    with counting_queries() as for_subscribed:
        sign_up(client, newsletter, "there@example.org")

    assert for_new == for_subscribed
    assert not any("recipient" in statement for statement in for_new)


BAD_ADDRESSES = [
    "",
    "   ",
    "kim",
    "kim@",
    "@example.org",
    "kim@localhost",
    "kim@example",
    "kim@example..org",
    "kim@-example.org",
    "a@example.org, b@example.org",
    "a@example.org; b@example.org",
    "a@example.org b@example.org",
    "a@b@example.org",
    "kim@example.org\r\nBcc: other@example.org",
    "kim\n@example.org",
    "kim\0@example.org",
    '"kim beispiel"@example.org',
    '"kim"@example.org',
    "Kim <kim@example.org>",
    "<kim@example.org>",
    "kim@[127.0.0.1]",
    "kim@[IPv6:::1]",
    "müller@example.org",
    "k" * 65 + "@example.org",
    "kim@" + "a" * 63 + ("." + "b" * 61) * 3 + ".org",
    "kim@xn--.example",
    "kim@exa mple.org",
    "kim(comment)@example.org",
    "kim@example.org\u202e",
    "\u2028kim@example.org",
]


def test_an_address_that_can_not_be_mailed_gets_an_error_at_the_field(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    for email in BAD_ADDRESSES:
        answer = sign_up(client, newsletter, email, first_name="Kim")

        assert answer.status_code == 422, email
        assert error_of(answer.text, "email"), email
        assert 'aria-invalid="true" aria-describedby="email-error" autofocus' in answer.text
        assert 'value="Kim"' in answer.text
    assert count(OutboxMail) == 0


def test_two_fields_with_an_address_each_are_two_addresses(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    answer = client.post(f"/n/{newsletter.slug}", data={"email": ["a@example.org", "b@example.org"]})

    assert answer.status_code == 422
    assert count(OutboxMail) == 0


GOOD_ADDRESSES = [
    ("kim@straße.de", "kim@xn--strae-oqa.de"),
    ("kim@xn--strae-oqa.de", "kim@xn--strae-oqa.de"),
    ("kim@STRASSE.de", "kim@strasse.de"),
    ("kim@müller.example.org", "kim@xn--mller-kva.example.org"),
    ("Kim.Beispiel@Example.ORG", "Kim.Beispiel@example.org"),
    (" kim@example.org ", "kim@example.org"),
    ("kim+news@example.org", "kim+news@example.org"),
    ("k" * 64 + "@example.org", "k" * 64 + "@example.org"),
]


def test_an_address_is_mailed_as_it_was_meant(client: FlaskClient, run_jobs: Callable[[], int], sink: Sink) -> None:
    for typed, on_the_wire in GOOD_ADDRESSES:
        answer = sign_up(client, make_newsletter(), typed)
        run_jobs()

        assert answer.status_code == 200
        assert sink.mails[-1].to == [on_the_wire]
    assert len(sink.mails) == len(GOOD_ADDRESSES)


def test_all_wrong_fields_are_named_at_once_and_the_first_has_the_focus(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    wrong = {"salutation": "sir", "title": "Dr.\r\nX: y", "first_name": "x" * 101, "last_name": "a\0b"}

    answer = sign_up(client, newsletter, EMAIL, **wrong)

    assert answer.status_code == 422
    assert all(error_of(answer.text, field) for field in wrong)
    assert not error_of(answer.text, "email")
    assert answer.text.count(" autofocus") == 1
    assert f'value="{EMAIL}"' in answer.text


def test_what_was_typed_comes_back_as_text_only(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    answer = sign_up(client, newsletter, '"><script>alert(1)</script>', first_name="<b>{{ 7*7 }}</b>")

    assert "<script>alert" not in answer.text
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in answer.text


def test_an_unknown_newsletter_is_404(client: FlaskClient) -> None:
    for path in ("/n/nothing", "/n/%00", "/n/" + "x" * 3000, "/n/ü", "/n/%ff", "/n/a%2Fb", "/n/'--", "/n/a//"):
        assert client.get(path).status_code == 404
        assert client.post(path, data={"email": EMAIL}).status_code == 404


TOO_MUCH = [
    (b"email=" + b"a" * 70_000, "application/x-www-form-urlencoded"),
    (b"a" * 70_000, "text/plain"),
    (b"{}" * 40_000, "application/json"),
    (
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n' + b"a" * 70_000 + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"a" * 70_000 + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
]


def test_a_body_over_64_kb_is_413(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    for body, content_type in TOO_MUCH:
        for path in (f"/n/{newsletter.slug}", "/confirm/x", "/u/x", "/me/x"):
            assert client.post(path, data=body, content_type=content_type).status_code == 413, path


NO_FORMS = [
    (b"", "application/x-www-form-urlencoded"),
    (b"\xff\xfe\x00&&&===%%%zz", "application/x-www-form-urlencoded"),
    (b"email=%ff%fe@example.org", "application/x-www-form-urlencoded"),
    (b"email=kim%00@example.org", "application/x-www-form-urlencoded"),
    (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
    (b"nonsense", "multipart/form-data"),
    (b"email=kim@example.org", "text/plain"),
    (b'{"email": "kim@example.org"}', "application/json"),
    (b"email=kim@example.org", ""),
    (b"&".join(b"a=%d" % n for n in range(2000)), "application/x-www-form-urlencoded"),
    (b'--x\r\nContent-Disposition: form-data; name="email"; filename="kim@example.org"\r\n\r\nx\r\n--x--\r\n',
     "multipart/form-data; boundary=x"),
]  # fmt: skip


def test_a_body_that_is_no_form_is_4xx(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    for body, content_type in NO_FORMS:
        answer = client.post(f"/n/{newsletter.slug}", data=body, content_type=content_type)

        assert 400 <= answer.status_code < 500, (body, content_type)
    assert count(OutboxMail) == 0


def test_other_methods_are_405(client: FlaskClient) -> None:
    newsletter = make_newsletter()

    for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        for path in (f"/n/{newsletter.slug}", "/confirm/x", "/u/x", "/me/x"):
            assert client.open(path, method=method).status_code == 405


def test_too_many_sign_ups_from_one_network_are_429(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    app = make_app(settings | {"SIGNUPS_PER_MINUTE": 3})
    with app.app_context():
        path, client = f"/n/{make_newsletter().slug}", app.test_client()

        statuses = [client.post(path, data={"email": EMAIL}).status_code for _ in range(5)]

        assert statuses == [200, 200, 200, 429, 429]
        assert client.get(path).status_code == 200
        elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
        assert client.post(path, data={"email": EMAIL}, environ_overrides=elsewhere).status_code == 200


def test_a_header_that_anyone_can_send_does_not_move_the_visitor(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    app = make_app(settings | {"SIGNUPS_PER_MINUTE": 1})
    with app.app_context():
        path, client = f"/n/{make_newsletter().slug}", app.test_client()

        statuses = [
            client.post(path, data={"email": EMAIL}, headers={"X-Forwarded-For": f"203.0.{n}.1"}).status_code
            for n in range(3)
        ]

        assert statuses == [200, 429, 429]


def test_with_redis_gone_a_sign_up_is_kept_and_mailed_later(
    make_app: Callable[[Settings], Flask], settings: Settings, app: Flask, run_jobs: Callable[[], int], sink: Sink
) -> None:
    newsletter = make_newsletter()
    alone = make_app(settings | {"REDIS_URL": "redis://127.0.0.1:1/0", "SIGNUPS_PER_MINUTE": 600})

    answer = alone.test_client().post(f"/n/{newsletter.slug}", data={"email": EMAIL})

    assert answer.status_code == 200
    assert run_jobs() == 0
    row = db.session.query(OutboxMail).one()
    row.created_at = utcnow() - timedelta(seconds=11)
    db.session.commit()
    outbox.sweep()
    run_jobs()
    assert [mail.to for mail in sink.mails] == [[EMAIL]]
    assert queues.redis().ping()


def test_with_the_database_gone_nobody_is_told_that_it_worked(client: FlaskClient, database_url: str) -> None:
    newsletter = make_newsletter()
    path = f"/n/{newsletter.slug}"
    db.session.remove()

    with database_away(database_url):
        answer = client.post(path, data={"email": EMAIL})

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert client.post(path, data={"email": EMAIL}).status_code == 200


def test_what_was_shown_is_kept_once_per_wording(client: FlaskClient) -> None:
    newsletter = make_newsletter(consent_text="Ja, gern.", measurement="ask")

    sign_up(client, newsletter, "a@example.org")
    sign_up(client, newsletter, "b@example.org")
    kept = {row.kind: row.text for row in db.session.query(Wording)}

    assert count(Wording) == 2
    assert kept["consent"].startswith("Ja, gern.\n\n")
    assert "[ ] " in kept["consent"]
    assert "consent" in kept
    assert "privacy" in kept


def test_a_setting_that_changes_the_privacy_statement_is_in_the_next_wording(client: FlaskClient) -> None:
    newsletter = make_newsletter(imprint="Stadtwerke Musterstadt")
    sign_up(client, newsletter, "a@example.org")

    newsletters.change(newsletter, {"imprint": "Gemeindewerke Musterdorf"})
    sign_up(client, newsletter, "b@example.org")

    texts = [
        row.text
        for row in db.session.query(Wording).filter_by(kind="privacy", language="de").order_by(Wording.first_used_at)
    ]
    assert ["Musterdorf" in text for text in texts] == [False, True]


def test_a_sign_up_is_one_statement(client: FlaskClient) -> None:
    path = f"/n/{make_newsletter().slug}"
    client.post(path, data={"email": EMAIL})

    with counting_queries() as statements:
        client.post(path, data={"email": EMAIL})

    assert [statement.split()[0] for statement in statements] == ["INSERT"]


def test_what_another_process_has_changed_counts_at_once(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    here, there = make_app(settings), make_app(settings)
    with there.app_context():
        newsletter = make_newsletter(consent_text="Alt.", title="Alte Briefe")
        slug = newsletter.slug
        path = f"/n/{slug}?lang=de"
        client = here.test_client()
        assert client.post(path, data={"email": "before@example.org"}).status_code == 200
        old = texts_of(client.get(path).text)

        newsletters.change(newsletter, {"consent_text": "Neu.", "title": "Neue Briefe"})
        refused = client.post(path, data={"email": "late@example.org", "texts": old})
        silent = client.post(path, data={"email": "silent@example.org"})
        told = client.post(path, data={"email": "told@example.org", "texts": texts_of(refused.text)})

        assert (refused.status_code, silent.status_code, told.status_code) == (409, 200, 200)
        assert "Neu." in refused.text
        assert all("Neue Briefe" in answer.text for answer in (silent, told))
        agreed = [wordings.text_of(signup.consent_wording) or "" for signup in waiting()]
        assert [words.partition("\n")[0] for words in agreed] == ["Alt.", "Neu.", "Neu."]


def test_a_text_that_was_announced_counts_from_its_moment_on(client: FlaskClient) -> None:
    newsletter = make_newsletter(consent_text="Alt.")
    newsletter.next_consent_text, newsletter.next_consent_at = "Neu.", utcnow() + timedelta(seconds=30)
    db.session.commit()
    sign_up(client, newsletter, "before@example.org")

    with time_machine.travel(utcnow() + timedelta(seconds=31)):
        sign_up(client, newsletter, "after@example.org")

    agreed = [wordings.text_of(signup.consent_wording) or "" for signup in waiting()]
    assert [words.partition("\n")[0] for words in agreed] == ["Alt.", "Neu."]


def test_who_another_newsletter_is_sent_by_is_told_at_once(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, "before@example.org")

    make_newsletter(imprint="Gemeindewerke Musterdorf")
    sign_up(client, newsletter, "after@example.org")

    told = [wordings.text_of(signup.privacy_wording) or "" for signup in waiting()]
    assert ["Musterdorf" in text for text in told] == [False, True]


def test_a_text_that_was_lost_is_kept_again(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, "before@example.org")
    db.session.query(Wording).delete()
    db.session.commit()

    answer = sign_up(client, newsletter, "after@example.org")

    assert answer.status_code == 200
    assert all(wordings.text_of(signup.consent_wording) for signup in waiting())


def test_a_newsletter_that_is_gone_is_404_at_once(client: FlaskClient) -> None:
    newsletter = make_newsletter()
    sign_up(client, newsletter, "before@example.org")
    slug = newsletter.slug
    db.session.delete(newsletter)
    db.session.commit()

    assert client.post(f"/n/{slug}", data={"email": EMAIL}).status_code == 404
    assert count(OutboxMail) == 1


def waiting() -> list[SignUp]:
    """Return the sign-ups that wait to be mailed, in order."""
    rows = db.session.query(OutboxMail).order_by(OutboxMail.id)
    return [SignUp.of_payload(unseal_json(outbox.PURPOSE, row.sealed)) for row in rows]


def texts_of(page: str) -> str:
    """Return what a form says of the texts it shows."""
    return page.split('name="texts" value="')[1].split('"')[0]
