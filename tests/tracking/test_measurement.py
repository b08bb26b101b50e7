"""Measurement ids: made by the campaign's key, recognised by it, and by nothing else."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from newsletter.core import public_ids
from newsletter.core.db import db
from newsletter.core.errors import Conflict
from newsletter.core.sealing import unseal
from newsletter.tracking import measurement
from newsletter.tracking.measurement import CAMPAIGN, PURPOSE, RECIPIENT, MeasurementIds, Pseudonyms, WindowEnded
from newsletter.tracking.models import Link, MeasurementKey
from tests import factories
from tests.tracking.measured import URLS, make_measured

KEY = bytes(range(32))


def test_an_id_is_the_campaign_a_hyphen_and_one_number_spelled_by_hashids(app: Flask) -> None:
    measured = make_measured()

    campaign, recipient = measured.ids.spell(4711).split("-")

    assert public_ids.read(CAMPAIGN, campaign) == measured.id
    number = public_ids.read(RECIPIENT, recipient)
    assert number < 2**96
    assert measured.ids.pseudonyms.recognise(number) is not None
    assert f"/o/{campaign}-{recipient}.gif" in measurement.pixel_url(measured.ids.spell(4711))
    assert measurement.click_url(measured.ids.spell(4711), 2).endswith(f"/c/{campaign}-{recipient}/2")


@given(st.integers(0, 2**31), st.integers(1, 2**96 - 1))
def test_a_number_with_any_bit_changed_is_not_recognised(recipient_id: int, change: int) -> None:
    pseudonyms = Pseudonyms(KEY)

    number = pseudonyms.number(recipient_id)

    assert pseudonyms.recognise(number) is not None
    assert pseudonyms.recognise(number ^ change) is None


@given(st.integers(0, 2**200))
def test_an_invented_number_is_not_recognised(number: int) -> None:
    assert Pseudonyms(KEY).recognise(number) is None


def test_one_person_has_another_pseudonym_in_every_campaign(app: Flask) -> None:
    one, other = make_measured(), make_measured()

    numbers = [measured.ids.pseudonyms.number(7) for measured in (one, other)]

    assert numbers[0] != numbers[1]
    assert other.ids.pseudonyms.recognise(numbers[0]) is None


def test_the_key_is_stored_sealed(app: Flask) -> None:
    measured = make_measured()

    stored = db.session.execute(select(MeasurementKey.key_sealed)).scalar_one()

    assert stored is not None
    key = unseal(PURPOSE, stored)
    assert Pseudonyms(key).number(1) == measured.ids.pseudonyms.number(1)
    assert key not in stored


def test_opening_a_window_twice_changes_nothing(app: Flask) -> None:
    measured = make_measured()
    before = measured.ids.spell(1)

    measurement.open_window(measured.id, URLS)
    db.session.commit()

    assert MeasurementIds.for_campaign(measured.id).spell(1) == before
    links = db.session.execute(select(Link.number, Link.url).order_by(Link.number)).all()
    assert [tuple(link) for link in links] == list(enumerate(URLS, 1))


def test_links_of_mails_that_are_out_never_lead_elsewhere(app: Flask) -> None:
    measured = make_measured()

    with pytest.raises(Conflict):
        measurement.open_window(measured.id, [URLS[1], URLS[0]])


@pytest.mark.parametrize("had_a_window", [True, False])
def test_without_a_key_no_id_is_made(app: Flask, had_a_window: bool) -> None:
    campaign_id = factories.make_campaign().id
    if had_a_window:
        measurement.open_window(campaign_id, URLS)
        measurement.forget_key(campaign_id)

    with pytest.raises(WindowEnded):
        MeasurementIds.for_campaign(campaign_id)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_ids_are_letters_digits_and_one_hyphen(app: Flask, recipient_id: int) -> None:
    measurement_id = MeasurementIds("Campaign-", Pseudonyms(KEY), public_ids.speller(RECIPIENT)).spell(recipient_id)

    assert measurement_id.replace("-", "", 1).isalnum()
    assert measurement_id.isascii()
    assert len(measurement_id) < 40
