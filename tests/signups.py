"""Sign-ups as tests need them: by the form, as a link that nobody had to mail, and what the tables hold then."""

from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from newsletter.core.db import db, utcnow
from newsletter.mailbox.address_change import AddressChange
from newsletter.optin.signup import SignUp
from newsletter.privacy import wordings
from newsletter.recipients import consent
from newsletter.recipients.models import Newsletter, Recipient
from newsletter.recipients.person import Person


def sign_up(client: FlaskClient, newsletter: Newsletter, email: str, **fields: str) -> TestResponse:
    """Send the form."""
    return client.post(f"/n/{newsletter.slug}", data={"email": email, **fields})


def make_sign_up(newsletter: Newsletter, email: str, person: Person | None = None, **values: Any) -> SignUp:
    """Return a sign-up as if its mail had gone out now; commits its wordings."""
    given: dict[str, Any] = {
        "language": "de",
        "measurement": "all",
        "consent_wording": wordings.store(wordings.CONSENT, "de", consent.text(newsletter, "de")),
        "privacy_wording": wordings.store(wordings.PRIVACY, "de", "Wir halten, was wir versprechen."),
        "source": "page",
        "requested_at": utcnow(),
    }
    db.session.commit()
    return SignUp(newsletter_id=newsletter.id, email=email, person=person or Person(), **(given | values))


def make_address_change(recipient: Recipient, email: str) -> AddressChange:
    """Return a change of address as if it had been asked for now."""
    return AddressChange(
        link_key=recipient.link_key,
        newsletter_id=recipient.newsletter_id,
        email=email,
        language="de",
        requested_at=utcnow(),
    )


def confirm_path(signup: SignUp) -> str:
    """Return the path of the link in the confirmation mail."""
    return f"/confirm/{signup.token()}"


def path(url: str) -> str:
    """Return the path of a link."""
    return urlsplit(url).path


def count(model: type) -> int:
    """Return how many rows the table has."""
    return db.session.execute(select(func.count()).select_from(model)).scalar_one()
