"""A newsletter's one colour, made readable: on light and on dark ground, as a button and as a link.

Contrast is computed as WCAG 2.2 does (success criterion 1.4.3: 4.5 to 1 for text).
"""

from dataclasses import dataclass
from functools import lru_cache

LIGHT_GROUND, DARK_GROUND = "#ffffff", "#1d2126"
"""The ground of the sheet in `static/page.css`, in both schemes."""
READABLE = 4.6
VISIBLE = 1.7
"""What a button's ground needs; its words are readable on it in any case."""
_STEP = 0.04

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Shades:
    """Colours of one scheme as `#rrggbb`: the button, the words on it, words in the accent colour."""

    button: str
    on_button: str
    link: str


@lru_cache(maxsize=256)
def shades(accent: str, *, dark: bool = False) -> Shades:
    """Return the shades of `accent` (`#rrggbb`) for the light or the dark scheme."""
    ground = DARK_GROUND if dark else LIGHT_GROUND
    link = _until_readable(accent, ground, "#ffffff" if dark else "#000000")
    button = accent if contrast(accent, ground) >= VISIBLE else link
    # White or pure black: between them, every colour is one that either can be read on.
    on_button = max(("#ffffff", "#000000"), key=lambda words: contrast(words, button))
    return Shades(button, on_button, link)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _until_readable(colour: str, ground: str, towards: str) -> str:
    share = 0.0
    mixed = colour.lower()
    while contrast(mixed, ground) < READABLE and share < 1:
        share += _STEP
        mixed = _mixed(colour, towards, min(share, 1))
    return mixed


def _mixed(colour: str, towards: str, share: float) -> str:
    parts = (a + (b - a) * share for a, b in zip(_parts(colour), _parts(towards), strict=True))
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _parts(colour: str) -> Colour:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
