"""The newsletter's colour can be read, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.recipients.accent import DARK_GROUND, LIGHT_GROUND, contrast, shades

colours = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(colours, st.booleans())
def test_words_in_the_accent_and_on_the_button_are_readable(accent: str, dark: bool) -> None:
    found = shades(accent, dark=dark)
    ground = DARK_GROUND if dark else LIGHT_GROUND

    assert contrast(found.link, ground) >= 4.5
    assert contrast(found.on_button, found.button) >= 4.5
    assert contrast(found.button, ground) >= 1.6


def test_a_colour_that_is_readable_stays_as_it_is() -> None:
    assert shades("#0b5c8a").link == shades("#0b5c8a").button == "#0b5c8a"
    assert shades("#e4a400").button == "#e4a400"
