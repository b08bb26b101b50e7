"""Mails are made some at a time, for speed; nobody is to notice."""

import re
from email import message_from_bytes, policy

import pytest
from flask import Flask

from newsletter.campaigns import claims, service
from newsletter.campaigns.held import Claim
from newsletter.campaigns.mails import TOGETHER, Composer
from newsletter.core.db import db
from newsletter.core.sealing import Unsealable
from newsletter.recipients.person import Person
from newsletter.tracking.measurement import MeasurementIds
from tests.factories import make_campaign, make_newsletter, make_recipient

NUMBER = TOGETHER + 3


@pytest.fixture
def composer(app: Flask) -> Composer:
    """What makes the mails of a campaign to people with and without a name, measured and not."""
    newsletter = make_newsletter()
    for number in range(NUMBER):
        person = Person(first_name="Kim", last_name=f"Müller {number}") if number % 2 else None
        recipient = make_recipient(newsletter, f"{number}@example.org", person=person or Person())
        recipient.measured = number % 3 > 0
    db.session.commit()
    campaign = make_campaign(newsletter, markdown="[Mehr](https://www.example.org/mehr)")
    service.send(campaign)
    return Composer(db.session(), campaign)


@pytest.fixture
def held(composer: Composer) -> list[Claim]:
    """All claims of that campaign."""
    campaign_id = composer._campaign_id
    with db.engine.begin() as connection:
        claimed = claims.claim(connection, campaign_id, NUMBER)
        assert claimed is not None
        return list(claims.hold(connection, claimed.batch_id))


def test_a_mail_is_the_same_whether_made_alone_or_with_others(composer: Composer, held: list[Claim]) -> None:
    alone = [b"".join(composer.letter(claim).content) for claim in held]

    together = [composer.letter(claim, held[number + 1 :]) for number, claim in enumerate(held)]

    assert [b"".join(letter.content) for letter in together] == alone
    assert [letter.key for letter in together] == held
    assert [letter.to for letter in together] == [b"%d@example.org" % number for number in range(NUMBER)]
    ids = MeasurementIds.for_campaign(composer._campaign_id)
    for claim, content in zip(held, alone, strict=True):
        html = message_from_bytes(content, policy=policy.SMTP).get_body(("html",))
        assert html is not None
        pixels = re.findall(r"/o/([\w-]+)\.gif", html.get_content())
        assert pixels == [ids.spell(claim.recipient_id)] * claim.measured
    assert {claim.measured for claim in held} == {True, False}


def test_a_row_that_cant_be_opened_costs_nobody_else_a_mail(composer: Composer, held: list[Claim]) -> None:
    bad = held[2] = held[2]._replace(address_sealed=b"nonsense")

    made = []
    for number, claim in enumerate(held):
        if claim is bad:
            with pytest.raises(Unsealable):
                composer.letter(claim, held[number + 1 :])
        else:
            made.append(composer.letter(claim, held[number + 1 :]).key)

    assert made == [claim for claim in held if claim is not bad]


def test_a_mail_made_ahead_is_used_for_its_own_claim_only(composer: Composer, held: list[Claim]) -> None:
    composer.letter(held[0], held[1:])
    again = held[1]._replace(batch_id=held[1].batch_id + 1, attempt=2)

    assert composer.letter(again, held[2:]).key is again
    assert composer.letter(held[9]).key is held[9]


def test_nothing_of_people_whose_rows_are_let_go_is_kept(composer: Composer, held: list[Claim]) -> None:
    composer.letter(held[0], held[1:])
    assert composer._ahead

    composer.forget()

    assert not composer._ahead
