"""The promises that pages keep or break: P2, P6, P10. Asks this very application, in a way that can't write."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, select, text

from newsletter.core.db import db, utcnow
from newsletter.optin.signup import OFF, SignUp
from newsletter.promises.finding import Check
from newsletter.recipients import links
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person

RIGHTS = {
    "to see": ("GET", "/me/<token>"),
    "to get a lost link": ("POST", "/me"),
    "to correct": ("POST", "/me/<token>"),
    "to change the address": ("POST", "/me/<token>/address"),
    "to object": ("POST", "/me/<token>/measurement"),
    "to erase": ("POST", "/me/<token>/leave"),
    "to restrict": ("POST", "/me/<token>/restriction"),
    "to export": ("GET", "/me/<token>/download"),
}
"""What Art. 15 to 21 GDPR give, and the route that answers."""
LOADS = re.compile(
    r"""<(?:img|script|iframe|video|audio|source|object|embed|link)\b[^>]*?(?:src|href|data)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?((?:https?:)?//[^)"']+)|@import\s+["']((?:https?:)?//[^"']+)"""
)


def only_a_person() -> Check:
    """P2."""
    check = Check(2, "what the mail programs of subscribers do")
    failed = []
    with _read_only():
        client = current_app.test_client()
        for path in _links():
            for method in ("GET", "HEAD"):
                status = _status(client, method, path)
                check.looked.append(f"{method} {path.rpartition('/')[0]}/… in a transaction that can't write")
                if status >= 500:
                    failed.append(f"{method} {path.rpartition('/')[0]}/… wanted to write, or failed ({status})")
    check.found += failed
    return check


def every_right_by_a_link() -> Check:
    """P6."""
    check = Check(6, "whether the answers are complete")
    routes = {
        (method, rule.rule) for rule in current_app.url_map.iter_rules() for method in rule.methods or ()
    }  # fmt: skip
    for right, (method, path) in RIGHTS.items():
        check.looked.append(f"{method} {path}")
        if (method, path) not in routes:
            check.found.append(f"nothing answers the right {right} ({method} {path})")
    with _read_only():
        client = current_app.test_client()
        statuses = {path: _status(client, "GET", path) for path in _links() if path.startswith(("/me/", "/u/"))}
    for path, status in statuses.items():
        if status >= 400:
            check.found.append(f"GET {path.rpartition('/')[0]}/… with a good link answers {status}")
    return check


def no_one_else_is_told() -> Check:
    """P10."""
    check = Check(10, "what staff link to; what was sent before")
    own = current_app.config["PUBLIC_URL"]
    for file in sorted(Path(current_app.root_path, current_app.template_folder or "").rglob("*.*")):
        foreign = _foreign(file.read_text(encoding="utf-8"), own)
        check.found += [f"the template {file.name} loads {url}" for url in foreign]
    check.looked.append("templates of pages and mails")
    with _read_only():
        client = current_app.test_client()
        for path in ("/", "/privacy", "/imprint", "/staff/login", *_links()):
            shown = path if path.count("/") < 2 else f"{path.rpartition('/')[0]}/…"
            answer = client.get(path, base_url=own)
            check.looked.append(f"GET {shown}")
            check.found += [f"{shown} loads {url}" for url in _foreign(answer.text, own)]
            if "default-src 'none'" not in answer.headers.get("Content-Security-Policy", ""):
                check.found.append(f"{shown} has no strict Content-Security-Policy")
            if "Set-Cookie" in answer.headers and not path.startswith("/staff"):
                check.found.append(f"{shown} sets a cookie")
    return check


def _foreign(page: str, own: str) -> list[str]:
    urls = [next(filter(None, groups)) for groups in LOADS.findall(page)]
    return [url for url in urls if not url.startswith(f"{own}/")]


def _status(client: FlaskClient, method: str, path: str) -> int:
    try:
        answer = client.open(path, method=method, base_url=current_app.config["PUBLIC_URL"])
    except Exception:  # noqa: BLE001  # an error of the page is what is looked for
        return 500
    return answer.status_code


def _links() -> list[str]:
    """Return the paths of good links, as far as there is somebody to have them."""
    paths = []
    newsletter = db.session.execute(select(Newsletter).order_by(Newsletter.id).limit(1)).scalar_one_or_none()
    if newsletter is not None:
        paths.append(f"/confirm/{_sign_up(newsletter).token()}")
    key = db.session.execute(
        select(Recipient.link_key).where(Recipient.address_sealed.is_not(None)).order_by(Recipient.id.desc()).limit(1)
    ).scalar_one_or_none()
    if key is not None:
        paths += [f"/u/{links.unsubscribe_token(key)}", f"/me/{links.preferences_token(key)}"]
    return paths


def _sign_up(newsletter: Newsletter) -> SignUp:
    return SignUp(
        newsletter_id=newsletter.id, email="nobody@example.org", person=Person(), language=newsletter.language,
        measurement=OFF, consent_wording=bytes(32), privacy_wording=bytes(32), source="page", requested_at=utcnow(),
    )  # fmt: skip


@contextmanager
def _read_only() -> Iterator[None]:
    """Let no transaction that this thread begins in the block write: PostgreSQL refuses."""
    here = threading.get_ident()

    def begin(connection: Connection) -> None:
        if threading.get_ident() == here:
            connection.execute(text("SET TRANSACTION READ ONLY"))

    event.listen(db.engine, "begin", begin)
    try:
        yield
    finally:
        event.remove(db.engine, "begin", begin)
