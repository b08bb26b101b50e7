"""Settings have one source, config.py, and are written down where hosts look for them."""

import json
import re
from pathlib import Path

from newsletter import config

ROOT = Path(__file__).resolve().parent.parent.parent
ROW = re.compile(r"^\| `([A-Z_]+)` \| ([^|]+) \|", re.MULTILINE)
PLATFORM_SETS = {"DATABASE_URL", "REDIS_URL"}


def documented() -> dict[str, str]:
    """Return name and default as the table in docs/operating.md states them."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    return {name: default.strip() for name, default in ROW.findall(text)}


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    optional = {name: default or "empty" for name, (_reader, default) in config.OPTIONAL.items()}

    assert documented() == dict.fromkeys(config.REQUIRED, "required") | optional


def test_the_platform_is_asked_for_every_setting_without_a_default() -> None:
    asked = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))["env"]

    assert set(config.REQUIRED) - PLATFORM_SETS <= set(asked)
    assert set(asked) <= set(config.REQUIRED) | set(config.OPTIONAL)
    assert asked["SECRET_KEY"]["generator"] == "secret"


def test_the_procfile_uses_known_settings_only() -> None:
    used = set(re.findall(r"\$\{?([A-Z_]+)", (ROOT / "Procfile").read_text(encoding="utf-8")))

    assert used <= set(config.REQUIRED) | set(config.OPTIONAL)
    assert "PORT" in used
