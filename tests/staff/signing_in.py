"""How a test gets into the staff pages: the way that staff do, with a one-time link and a password."""

import re
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter.staff import accounts
from newsletter.staff.models import Staff

PASSWORD = "correct horse battery staple"
_CSRF = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


def csrf_token(response: TestResponse) -> str:
    """Return the CSRF token of the page's first form."""
    found = _CSRF.search(response.text)
    assert found, "the page holds no form"
    return found[1]


def link_of(staff: Staff) -> str:
    """Return the path of a fresh one-time link."""
    return urlsplit(accounts.one_time_login_url(staff)).path


def choose_password(client: FlaskClient, path: str, password: str = PASSWORD, again: str | None = None) -> TestResponse:
    """Open the one-time link and send its form."""
    token = csrf_token(client.get(path))
    data = {"csrf_token": token, "password": password, "again": password if again is None else again}
    return client.post(path, data=data)


def log_in(client: FlaskClient, email: str, password: str = PASSWORD, **more: Any) -> TestResponse:
    """Send the login form."""
    token = csrf_token(client.get("/staff/login", **more))
    return client.post("/staff/login", data={"csrf_token": token, "email": email, "password": password}, **more)


def post(client: FlaskClient, path: str, **data: Any) -> TestResponse:
    """Send a form of the staff pages, with the session's CSRF token."""
    token = csrf_token(client.get("/staff/"))
    return client.post(path, data={"csrf_token": token, **data})


def signed_in(client: FlaskClient, role: str = "marketing", email: str | None = None) -> FlaskClient:
    """Make an account of this role and sign `client` in, with a browser that wants English."""
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    staff = accounts.create(email or f"{role}@staff.example", role)
    assert choose_password(client, link_of(staff)).status_code == 302
    return client
