"""Mail addresses: what we take (RFC 5321 §4.5.3.1, IDNA 2008), and how the same address is recognised."""

from email_validator import EmailNotValidError, validate_email

from newsletter.core import digests, sealing
from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _

MAX_OCTETS, MAX_LOCAL_OCTETS = 254, 64
DIGEST_PURPOSE, SEAL_PURPOSE = "recipient.address", "recipient.address.sealed"


def parse(text: str, field: str = "email") -> str:
    """Return the one address in `text` as it goes on the wire: the domain in A-labels and lower case.

    Raises `Invalid` for `field` that says what is wrong. `straße.de` becomes `xn--strae-oqa.de`: IDNA 2003
    would make it `strasse.de`, which may belong to someone else.
    """
    text = text.strip(" \t")
    if not text:
        raise Invalid({field: _("Please enter your e-mail address.")})
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise Invalid({field: _("Please enter the address on one line, without control characters.")})
    local, at, domain = text.rpartition("@")
    # Relays of old took what stands before a % for the address at another relay.
    if not at or not local or not domain or "%" in local:
        raise Invalid({field: _("An e-mail address looks like name@example.org.")})
    if "," in text or ";" in text or "@" in local:
        raise Invalid({field: _("Please enter one e-mail address only.")})
    if not local.isascii():
        raise Invalid(
            {
                field: _(
                    "Before the @ only letters without accents are possible; many mailboxes can't be reached otherwise."
                )
            }
        )
    if len(local) > MAX_LOCAL_OCTETS:
        raise Invalid({field: _("The part before the @ may have up to 64 characters.")})
    if len(text) > MAX_OCTETS:
        raise Invalid({field: _("An e-mail address may have up to 254 characters.")})
    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise Invalid({field: _("This is not a complete e-mail address. It looks like name@example.org.")}) from None
    return f"{checked.local_part}@{checked.ascii_domain.lower()}"


def canonical(address: str) -> str:
    """Return the spelling under which an address is recognised again, whatever case it was typed in."""
    return address.lower()


def digest(address: str) -> bytes:
    """Return the digest that finds the recipients with this address."""
    return digests.digest(DIGEST_PURPOSE, canonical(address))


def all_digests(address: str) -> list[bytes]:
    """Return the digests under every key, current first."""
    return digests.digests(DIGEST_PURPOSE, canonical(address))


def seal(address: str) -> bytes:
    """Return the value of a column that keeps the address (P9)."""
    return sealing.seal(SEAL_PURPOSE, address.encode())


def unseal(sealed: bytes) -> str:
    """Return the address that `seal` sealed; raise `Unsealable`."""
    return sealing.unseal(SEAL_PURPOSE, sealed).decode()


def opener() -> sealing.Opener:
    """Return what opens many sealed addresses (UTF-8 octets)."""
    return sealing.Opener(SEAL_PURPOSE)


def domain(address: str) -> str:
    """Return the part after the @."""
    return address.rpartition("@")[2]
