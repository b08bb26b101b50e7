"""Passwords in these tests are hashed quickly, except where the hash itself is looked at."""

import pytest

from newsletter.staff import accounts

QUICK = {"argon2__time_cost": 1, "argon2__memory_cost": 1024}


@pytest.fixture(autouse=True)
def quick_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "slow_passwords" not in request.keywords:
        monkeypatch.setitem(accounts.SETTINGS, "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS", QUICK)
