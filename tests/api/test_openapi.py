"""The document says what the API does, and nothing else."""

import re

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from newsletter.api import PUBLIC
from tests.api.conftest import DOCUMENT, Api

ACTS = ("pause", "resume", "cancel")


def served(app: Flask) -> dict[tuple[str, str], str]:
    """Return the endpoint of every (method, path of the document) that the app routes."""
    found: dict[tuple[str, str], str] = {}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1"):
            continue
        path = rule.rule.removeprefix("/api/v1").replace("<slug>", "{slug}").replace("<public_id>", "{id}")
        paths = [re.sub("<any.*>", act, path) for act in ACTS] if "<any" in path else [path]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found |= {(method.lower(), each): rule.endpoint for each in paths}
    return found


def documented() -> dict[tuple[str, str], dict]:
    return {
        (method, path): operation
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_the_document_is_valid_openapi_3_1(api: Api) -> None:
    answer = api.get("/openapi.json", token=None)

    validate(answer.json)
    assert answer.json["openapi"].startswith("3.1")


def test_every_route_is_in_the_document_and_the_other_way_round(app: Flask) -> None:
    assert set(served(app)) == set(documented())


def test_the_document_says_of_each_call_whether_it_needs_a_token(app: Flask) -> None:
    endpoints = served(app)

    for call, operation in documented().items():
        security = operation.get("security", [{"token": []}])
        assert (security == [] or {} in security) == (endpoints[call] in PUBLIC)
        assert ("401" in operation["responses"]) == (endpoints[call] not in PUBLIC)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_is_for() -> None:
    operations = documented().values()

    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


@pytest.mark.parametrize("call", sorted(documented()))
def test_the_examples_are_what_the_schemas_say(call: tuple[str, str]) -> None:
    operation = documented()[call]
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [response.get("content", {}) for response in operation["responses"].values()]

    for content in contents:
        for media in content.values():
            schema = media["schema"] | {"components": DOCUMENT["components"]}
            Draft202012Validator(schema).validate(media["example"])
