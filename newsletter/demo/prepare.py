"""Migrate, fill an empty installation, make a login: one process, so that the app is loaded once.

python -m newsletter.demo.prepare        prints the login's URL
"""

import sys

import flask_migrate
from sqlalchemy import select

from newsletter.app import create_app
from newsletter.core.db import db
from newsletter.demo import seed
from newsletter.staff import accounts
from newsletter.staff.models import RoleName, Staff

EMAIL = "demo@stadtwerke-musterstadt.example"


def login_url() -> str:
    """Return a fresh one-time login of the demonstration's administrator, who is made at the first start."""
    staff = db.session.execute(select(Staff).where(Staff.email == EMAIL)).scalar_one_or_none()
    return accounts.one_time_login_url(staff or accounts.create(EMAIL, RoleName.ADMIN))


def main() -> None:
    """Bring the installation that the environment names to where it can be shown."""
    with create_app().app_context():
        flask_migrate.upgrade()
        seed.seed()
        sys.stdout.write(f"{login_url()}\n")


if __name__ == "__main__":
    main()
