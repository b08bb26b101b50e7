"""Whatever is sent to whichever call: an answer of the document, and never a fault of ours."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.campaigns import service
from tests.api.conftest import DOCUMENT, Api
from tests.factories import make_campaign, make_newsletter, make_recipient

NAMES = sorted(
    {name for schema in DOCUMENT["components"]["schemas"].values() for name in schema.get("properties", {})} | {"type"}
)
WORDS = st.sampled_from(["de", "a@example.org", "all", "any", "2030-01-31T09:00:00Z", "text", "# Guten Tag", "\0", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6) | VALUES
METHODS = ("post", "patch", "delete")
CALLS = st.sampled_from(
    [(method, path) for path, item in DOCUMENT["paths"].items() for method in METHODS if method in item]
)
FIXTURE_STAYS = [HealthCheck.function_scoped_fixture]


@settings(max_examples=120, deadline=None, suppress_health_check=FIXTURE_STAYS, derandomize=True, database=None)
@given(call=CALLS, body=BODIES)
def test_no_body_is_our_fault(api: Api, call: tuple[str, str], body: object) -> None:
    newsletter = make_newsletter()
    make_recipient(newsletter)
    campaign = make_campaign(newsletter)
    method, path = call
    path = path.replace("{slug}", newsletter.slug).replace("{id}", service.public_id(campaign))

    # `call` itself fails on 5xx and on anything that is not in the document.
    answer = api.call(method, path, data=json.dumps(body), content_type="application/json")

    assert answer.status_code < 500
