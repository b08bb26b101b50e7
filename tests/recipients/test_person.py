"""A person as stored: readable also by another version of the service."""

import pytest

from newsletter.core.sealing import seal_json
from newsletter.recipients.person import PURPOSE, Person


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("sealed", "person"),
    [
        ({"first_name": "Kim", "last_name": "Beispiel"}, Person(first_name="Kim", last_name="Beispiel")),
        ({"salutation": "ms", "last_name": "Beispiel", "nickname": "Kiki"}, Person("ms", last_name="Beispiel")),
    ],
    ids=["with fewer fields", "with more"],
)
def test_a_name_that_another_version_sealed_can_be_read(sealed: dict[str, str], person: Person) -> None:
    assert Person.unsealed(seal_json(PURPOSE, sealed)) == person
