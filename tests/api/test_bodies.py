"""Bodies that can't be read, or hold what must not be in them."""

import io
import json
from typing import Any

from newsletter.campaigns.api import MAX_BODY_OCTETS
from tests.api.conftest import Api
from tests.factories import make_campaign, make_newsletter

JSON = {"content_type": "application/json"}


UNREADABLE = [
    b"",
    b"{",
    b"nonsense",
    b"[]",
    b'"text"',
    b"null",
    b"1",
    b'{"slug": "a", "slug": "b"}',
    b'{"title": NaN}',
    b'{"title": Infinity}',
    b'{"title": "\xff"}',
    '{"title": "ä"}'.encode("latin-1"),
    '{"title": "x"}'.encode("utf-16"),
    b'{"title": "\\ud800"}',
    b'{"\\udfff": 1}',
    b"[" * 50_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"title": ' + b"9" * 10_000 + b"}",
    b'{"title": "\x01"}',
]


def test_what_is_not_a_json_object_is_400(api: Api) -> None:
    for body in UNREADABLE:
        answer = api.post("/newsletters", data=body, **JSON)

        assert answer.status_code == 400, body[:40]
        assert answer.mimetype == "application/problem+json"


def test_another_content_type_is_415(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "a;b"):
        answer = api.post("/newsletters", data=b'{"slug": "a"}', content_type=kind)

        assert answer.status_code == 415, kind


def test_json_may_be_declared_in_several_ways(api: Api) -> None:
    newsletter = make_newsletter()

    for kind in ("application/json; charset=utf-8", "application/merge-patch+json"):
        answer = api.call("PATCH", f"/newsletters/{newsletter.slug}", data=b'{"title": "Neu"}', content_type=kind)

        assert answer.status_code == 200, kind


def test_a_value_of_the_wrong_kind_is_422_and_named(api: Api) -> None:
    newsletter = make_newsletter()

    for value in ("a\0b", 1, None, [], {"a": "b"}, {"a": "\0"}, True, 1e308, 10**4000):
        answer = api.patch(f"/newsletters/{newsletter.slug}", {"title": value})

        assert answer.status_code == 422, value
        assert set(answer.json["errors"]) == {"title"}


def test_unknown_fields_are_named_all_at_once(api: Api) -> None:
    slug = make_newsletter().slug

    answer = api.post("/campaigns", {"newsletter": slug, "subjekt": "x", "audience": 1, "x" * 5000: 1, "": 2})

    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"subjekt", "audience", "x" * 100, ""}


def test_unknown_and_wrong_fields_are_named_together(api: Api) -> None:
    newsletter = make_newsletter()

    changed = api.patch(f"/newsletters/{newsletter.slug}", {"title": "", "language": "a\0", "x": 1})
    made = api.post("/newsletters", {"accent": "red", "x": 1})

    assert changed.status_code == made.status_code == 422
    assert set(changed.json["errors"]) == {"title", "language", "x"}
    assert set(made.json["errors"]) == {"slug", "title", "from_address", "accent", "x"}


def test_a_deeply_nested_value_is_a_wrong_value(api: Api) -> None:
    deep = b'{"to": ' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}"
    newsletter = make_newsletter()
    campaign = api.post("/campaigns", {"newsletter": newsletter.slug}).json["id"]

    answer = api.post(f"/campaigns/{campaign}/test", data=deep, **JSON)

    assert answer.status_code in (400, 422)


def test_a_large_body_is_413_on_the_public_route(api: Api) -> None:
    newsletter = make_newsletter()
    body = json.dumps({"email": "a@example.org", "first_name": "x" * 70_000}).encode()

    answer = api.post(f"/newsletters/{newsletter.slug}/signups", data=body, token=None, **JSON)

    assert answer.status_code == 413
    assert "65536" in answer.json["detail"]


def chunked(body: bytes) -> dict[str, Any]:
    return JSON | {"input_stream": io.BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True}}


def test_a_body_of_undeclared_length_is_not_cut_off_but_refused(api: Api) -> None:
    newsletter = make_newsletter()
    path = f"/newsletters/{newsletter.slug}/signups"
    body = json.dumps({"email": "a@example.org"}).encode()

    fits = api.post(path, token=None, **chunked(body + b" " * (65536 - len(body))))
    too_long = api.post(path, token=None, **chunked(body + b" " * (65537 - len(body))))

    assert (fits.status_code, too_long.status_code) == (202, 413)


def test_a_campaign_may_be_longer_than_a_form(api: Api) -> None:
    newsletter = make_newsletter()

    answer = api.post("/campaigns", {"newsletter": newsletter.slug, "markdown": "Wort " * 30_000})

    assert answer.status_code == 201


def test_a_campaign_may_not_be_of_any_length(api: Api) -> None:
    answer = api.post("/campaigns", {"newsletter": "a", "markdown": "x" * MAX_BODY_OCTETS})

    assert answer.status_code == 413
    assert str(MAX_BODY_OCTETS) in answer.json["detail"]


def test_unknown_paths_and_odd_slugs_are_404(api: Api) -> None:
    for path in ("/nothing", "/newsletters/", "/newsletters/%00", "/newsletters/%ff", "/newsletters/..%2fx"):
        answer = api.get(path)

        assert answer.status_code == 404, path
        assert answer.mimetype == "application/problem+json"


def test_unknown_ids_are_404(api: Api) -> None:
    make_campaign()

    for word in ("abcdef", "0", "-1", "1", "%00", "%F0%9F%90%88", "a" * 500, "null", "z" * 23):
        campaign = f"/campaigns/{word}"
        answers = [api.get(campaign), api.post(f"{campaign}/send"), api.get(f"{campaign}/report"), api.delete(campaign)]

        assert {answer.status_code for answer in answers} == {404}, word


def test_a_wrong_method_is_405_and_says_which_are_right(api: Api) -> None:
    answer = api.call("PUT", "/newsletters/a")

    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"
    assert {"GET", "PATCH"} <= set(answer.headers["Allow"].split(", "))
