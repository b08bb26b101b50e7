"""The privacy statement, made from the settings in force, so that it says what is so and nothing else (Art. 13
GDPR)."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from newsletter.core.db import db
from newsletter.core.i18n import LANGUAGES, speaking
from newsletter.core.i18n import gettext as _
from newsletter.privacy import documents, wordings
from newsletter.privacy.documents import HEADING, Section, Series
from newsletter.recipients.models import Measurement, Newsletter


class _Sender(NamedTuple):
    """What the statement says of a newsletter."""

    title: str
    imprint: str
    from_name: str
    from_address: str
    measurement: Measurement


class _Facts(NamedTuple):
    """Everything that the statement depends on, besides the language: `newsletters` is JSON, a list of `_Sender`."""

    newsletters: str
    confirmation_hours: int
    measurement_days: int
    min_group: int

    @property
    def senders(self) -> list[_Sender]:
        return [_Sender(*fields) for fields in json.loads(self.newsletters)]


class Basis(NamedTuple):
    """What decides about the statement in force, as the database had it at one moment."""

    newsletters: str | None
    """What the statement says of them, as JSON; None without any."""
    written: dict[str, bytes | None]
    """The digest of what staff wrote, by language."""


_COLUMNS = Newsletter.__table__.alias().c
_FIELDS = func.json_build_array(*(_COLUMNS[name] for name in _Sender._fields))
_NEWSLETTERS = select(cast(func.json_agg(aggregate_order_by(_FIELDS, func.lower(_COLUMNS.title))), Text))
BASIS = (_NEWSLETTERS.scalar_subquery(), *(documents.written(wordings.PRIVACY, code) for code in LANGUAGES))
"""Columns for `basis`, to be asked for among others. They take `:now`."""


def basis(newsletters: str | None, *written: bytes | None) -> Basis:
    """Return what came of the columns `BASIS`."""
    return Basis(newsletters, dict(zip(LANGUAGES, written, strict=True)))


def _facts(newsletters: str | None) -> _Facts:
    config = current_app.config
    numbers = config["CONFIRMATION_HOURS"], config["MEASUREMENT_DAYS"], config["MEASUREMENT_MIN_GROUP"]
    return _Facts(newsletters or "[]", *numbers)


def _sections(language: str, facts: _Facts) -> list[Section]:
    with speaking(language):
        return [
            Section(_("Who is responsible"), _responsible(facts.senders)),
            Section(_("Signing up"), _signing_up(facts.confirmation_hours)),
            Section(_("What is stored"), _stored()),
            *_measurement(facts),
            Section(_("Leaving"), _leaving()),
            Section(_("Who else is involved"), _involved()),
            Section(_("Your rights"), _rights()),
        ]


def text(language: str) -> str:
    """Return the statement in `language`, as staff write one and as it is kept in the wording of a receipt."""
    return _text(language, _facts(db.session.execute(_NEWSLETTERS).scalar_one()))


@lru_cache(maxsize=16)
def _text(language: str, facts: _Facts) -> str:
    return "\n\n".join("\n\n".join([HEADING + part.title, *part.paragraphs]) for part in _sections(language, facts))


def in_force(language: str) -> str:
    """Return the statement that people are shown: what staff have put in force, or else the one made here."""
    edition = documents.current(Series(wordings.PRIVACY, language))
    return text(language) if edition is None or edition.made else edition.text


def digest(language: str, basis: Basis) -> bytes:
    """Return the digest of the statement in force, by which a receipt names it."""
    return basis.written[language] or wordings.digest(wordings.PRIVACY, language, _made(language, basis))


def keep(language: str, basis: Basis) -> bytes:
    """Keep the statement in force, unless it is kept already, and return its digest. The caller commits."""
    written = basis.written[language]
    return written or wordings.store(wordings.PRIVACY, language, _made(language, basis))


def _made(language: str, basis: Basis) -> str:
    return _text(language, _facts(basis.newsletters))


def _responsible(senders: Sequence[_Sender]) -> list[str]:
    words = {sender.imprint.strip() or f"{sender.from_name}, {sender.from_address}" for sender in senders}
    return [_("Responsible is whoever sends the newsletter you have signed up for:"), *sorted(words)]


def _signing_up(hours: int) -> list[str]:
    return [
        _(
            "Each time you sign up, we send you an e-mail with a link. Until you have confirmed there, your address "
            "stands in no list. What you entered waits encrypted until that e-mail is on its way, and is then kept "
            "only inside the link itself. The link is good for %(hours)s hours.",
            hours=hours,
        ),
        _("The legal basis is your consent (Art. 6 (1) (a) GDPR)."),
        _(
            "So that nobody can have you mailed in masses, one address gets such an e-mail at most once a day for each "
            "newsletter, and three times in thirty days. For this we keep, until you confirm, for thirty days at most, "
            "when it was mailed and a value computed from the address with a secret key. If you tell us by the link in "
            "that e-mail that it was not you, we keep such a value for 180 days and send you none meanwhile "
            "(Art. 6 (1) (f) GDPR)."
        ),
    ]


def _stored() -> list[str]:
    return [
        _(
            "After you have confirmed: your e-mail address; salutation, title and name if you gave them; the language; "
            "whether you may be measured; when you confirmed. Address and name are stored encrypted."
        ),
        _(
            "To be able to prove your consent (Art. 7 (1) GDPR), we keep a receipt: the wording, and the times of "
            "signing up and confirming. It does not hold your address, but a value computed from it with a secret key. "
            "It is deleted at the end of the third calendar year after the one in which you left."
        ),
    ]


def _measurement(facts: _Facts) -> list[Section]:
    measuring = [sender for sender in facts.senders if sender.measurement != Measurement.OFF]
    if not measuring:
        return [Section(_("Measuring"), [_("Whether you open e-mails or click links is not measured.")])]
    by_mode = {
        mode: [sender.title for sender in measuring if sender.measurement == mode]
        for mode in (Measurement.ALL, Measurement.ASK)
    }
    lines = []
    if by_mode[Measurement.ALL]:
        titles = ", ".join(by_mode[Measurement.ALL])
        lines.append(_("Opens and clicks are counted unless you object: %(titles)s.", titles=titles))
    if by_mode[Measurement.ASK]:
        titles = ", ".join(by_mode[Measurement.ASK])
        lines.append(_("Opens and clicks are counted only if you agreed to it separately: %(titles)s.", titles=titles))
    how = _(
        "We count under a pseudonym that is different in every e-mail, and never with your address, your IP address or "
        "your program. After %(days)s days the key to the pseudonyms is destroyed; numbers remain. Numbers smaller "
        "than %(group)s are shown to nobody. Our staff see larger ones in steps, so that none can be had by comparing "
        "two.",
        days=facts.measurement_days,
        group=facts.min_group,
    )
    machines = _(
        "Programs that open mails or follow links by themselves, such as virus scanners, are told apart within minutes "
        "by how fast they do it and by their name, and counted separately. Neither name nor IP address is kept."
    )
    object_ = _("You can object at any time, by the link to your data in every e-mail.")
    return [Section(_("Measuring"), [*lines, how, machines, object_])]


def _leaving() -> list[str]:
    return [
        _(
            "Every e-mail holds a link to leave. One click, and your address, your name and all that belongs to "
            "them are "
            "deleted, at once. What remains is the receipt of your former consent, without your address."
        )
    ]


def _involved() -> list[str]:
    return [
        _(
            "E-mails are handed to a mail server that delivers them. Nothing is passed on to anyone else by this "
            "service. "
            "These pages set no cookie and load nothing from other servers."
        ),
        _(
            "This service does not write your IP address down. To keep anyone from signing up others in masses, "
            "it counts sign-ups per network for a minute and messages to us for an hour, under a value computed with a "
            "secret key."
        ),
    ]


def _rights() -> list[str]:
    return [
        _(
            "You have the right to see what is stored about you, to have it corrected or deleted, to restrict "
            "its use, to "
            "receive it in a common format, and to object (Art. 15 to 21 GDPR). Much of this you can do "
            "yourself, by the link to your data in every e-mail; for the rest, write to us by the page “Contact”: your "
            "message is not stored here."
        ),
        _(
            "You can withdraw your consent at any time; what was lawful until then stays lawful (Art. 7 (3) GDPR). "
            "You can lodge a complaint with a data protection authority (Art. 77 GDPR)."
        ),
    ]
