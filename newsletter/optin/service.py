"""What a person can do by signing up and by the link in the confirmation mail."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from newsletter.core.db import db, utcnow
from newsletter.core.errors import BadToken, Expired, Invalid, NewsletterError
from newsletter.mail import address, outbox
from newsletter.optin import jobs, offers, restraint
from newsletter.optin.offers import Offer
from newsletter.optin.signup import SignUp, agreed_measurement, read
from newsletter.privacy import receipts
from newsletter.privacy.receipts import ReceiptFields
from newsletter.recipients import admission
from newsletter.recipients.models import Newsletter
from newsletter.recipients.person import Person

log = logging.getLogger(__name__)

METHOD = "link"
TEXTS = "texts"
"""The field of the form that says which texts it shows."""
_POST = outbox.provided(offers.UNCHANGED)
TICKED = (True, "1", "on", "yes", "true")


class Outdated(Expired):
    """A confirmation link that was good once: too old, or the person has left since. Says for which newsletter."""

    def __init__(self, newsletter: Newsletter) -> None:
        super().__init__("This link is too old.")
        self.newsletter = newsletter


class Reworded(NewsletterError):
    """A text is another by now than the one that was shown."""


class Entries(NamedTuple):
    """What a form or a call says. `texts` names what stood at the form, if it says so."""

    email: str
    person: Person
    ticked: bool
    texts: str | None


def entered(values: Mapping[str, Any]) -> Entries:
    """Return what a person has entered; raise `Invalid` that names each wrong field."""
    email, person = _who(values)
    return Entries(email, person, values.get("measurement") in TICKED, values.get(TEXTS))


def request(offer: Offer, entries: Entries, *, language: str, source: str) -> Offer:
    """Take a sign-up: seal it, store it as waiting mail, commit. Raises `Reworded` when the texts that stood at the
    form are not in force any more: nobody agrees to what they did not see.

    Returns the offer as it counted, when the one given was not in force any more. Does the same work whether the
    address is new, waiting or subscribed, and does not look: nobody can find out by asking (T-05). `source` says where
    it was asked (`page`, `api`).
    """

    def post(offer: Offer) -> int | None:
        texts = offer.texts[language]
        if entries.texts not in (None, texts.name):
            return None
        signup = SignUp(
            newsletter_id=offer.newsletter.id,
            email=entries.email,
            person=entries.person,
            language=language,
            measurement=agreed_measurement(offer.newsletter, entries.ticked),
            consent_wording=texts.agreed_to,
            privacy_wording=texts.told,
            source=source,
            requested_at=utcnow(),
        )
        return outbox.post_at_once(_POST, jobs.send_confirmation, signup.payload(), **offers.places(offer, language))

    row_id = post(offer)
    if row_id is None:
        offer = offers.renewed(offer, language)
        row_id = post(offer)
    if row_id is None:
        raise Reworded("A text is another by now.")
    outbox.ring(row_id, jobs.send_confirmation)
    return offer


def _who(values: Mapping[str, Any]) -> tuple[str, Person]:
    errors: dict[str, str] = {}
    email, person = "", Person()
    try:
        email = address.parse(str(values.get("email") or ""))
    except Invalid as error:
        errors |= error.errors
    try:
        person = Person.parse(values)
    except Invalid as error:
        errors |= error.errors
    if errors:
        raise Invalid(errors)
    return email, person


def newsletter_behind(token: str) -> Newsletter:
    """Return the newsletter that a confirmation link is for; raise `BadToken` or `Outdated`. Reads only."""
    signup = read(token)
    newsletter = _newsletter(signup)
    if signup.expires_at < utcnow():
        raise Outdated(newsletter)
    return newsletter


def _newsletter(signup: SignUp) -> Newsletter:
    newsletter = db.session.get(Newsletter, signup.newsletter_id)
    if newsletter is None:
        raise BadToken("This link is not valid.")
    return newsletter


def confirm(token: str) -> Newsletter:
    """Make the sign-up a recipient, with a receipt and a welcome mail, in one transaction; return the newsletter.

    Once, however often and by however many it is called; whoever is subscribed already stays so. Raises
    `BadToken`, or `Outdated` when the link is too old or the person has left since it was asked for.
    """
    signup = read(token)
    newsletter = _newsletter(signup)
    if signup.expires_at < utcnow():
        raise Outdated(newsletter)
    link_key = admission.admit(
        newsletter,
        signup.email,
        signup.person,
        language=signup.language,
        measured=signup.measured,
        receipt=_receipt(signup),
    )
    if link_key is None:
        return _confirmed_before(newsletter, signup)
    # After the insert, which has waited for whoever was just erasing this address.
    if receipts.left_since(newsletter.id, signup.email, signup.requested_at):
        db.session.rollback()
        raise Outdated(newsletter)
    restraint.settle(signup.email)
    row_id = outbox.post(jobs.send_welcome, {"link_key": link_key.hex()})
    db.session.commit()
    log.info("a sign-up was confirmed")
    outbox.ring(row_id, jobs.send_welcome)
    return newsletter


def _confirmed_before(newsletter: Newsletter, signup: SignUp) -> Newsletter:
    still_there = admission.find(newsletter.id, signup.email) is not None
    db.session.rollback()
    if not still_there:
        raise Outdated(newsletter)
    return newsletter


def _receipt(signup: SignUp) -> ReceiptFields:
    return ReceiptFields(
        signup_digest=signup.digest,
        consent_wording=signup.consent_wording,
        privacy_wording=signup.privacy_wording,
        language=signup.language,
        source=signup.source,
        method=METHOD,
        measurement=signup.measurement,
        requested_at=signup.requested_at,
        mailed_at=signup.mailed_at,
        confirmed_at=utcnow(),
    )
