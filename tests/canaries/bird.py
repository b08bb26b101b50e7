"""Canaries: people whose address and name are unlike any other words, and alike enough to look for all at once."""

from dataclasses import dataclass

LOCAL, DOMAIN, A_LABELS = "zaunkoenig", "käfigvögel.example", "xn--kfigvgel-0za8p.example"
FIRST, LAST = "Sperlingskäuzchen", "Kreuzschnäbelchen"
WORDS = (LOCAL, DOMAIN, A_LABELS, FIRST, LAST, "sperlingsk", "kreuzschn")
"""What every address and every name contains, whole or as far as it is ASCII."""


@dataclass(frozen=True)
class Bird:
    """One of them. `typed` is the address as the form gets it, in one spelling or another."""

    number: int

    @property
    def local(self) -> str:
        """Before the @: in capital letters now and then."""
        local = f"{LOCAL}.{self.number:04}"
        return local.upper() if self.number % 5 == 0 else local

    @property
    def typed(self) -> str:
        """As the person types it: with umlauts, or as the domain name system spells it."""
        return f"{self.local}@{DOMAIN if self.number % 2 else A_LABELS.title()}"

    @property
    def address(self) -> str:
        """As it goes on the wire."""
        return f"{self.local}@{A_LABELS}"

    @property
    def elsewhere(self) -> str:
        """The address that some move to."""
        return f"{LOCAL}.elsewhere.{self.number:04}@{A_LABELS}"

    @property
    def name(self) -> dict[str, str]:
        """The other fields of the form."""
        last = f"{LAST}-{self.number:04}"
        return {"salutation": "ms", "title": "Dr.", "first_name": f"{FIRST} {self.number:04}", "last_name": last}

    @property
    def said_by_relays(self) -> str:
        """What a talkative relay says of the person: ASCII, as SMTP has it."""
        return f"<{self.address}> ({self.name['last_name']})".encode("ascii", "ignore").decode()


def spellings(bird: Bird) -> set[str]:
    """Return the ways in which this one's address may be written down."""
    return {each for text in (bird.typed, bird.address, bird.elsewhere) for each in (text, text.lower(), text.upper())}
