"""The columns that hold what is sealed, and for what. A test finds the one that is missing here."""

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.core import kept_keys
from newsletter.mail import address, outbox
from newsletter.recipients import person
from newsletter.tracking import measurement


@dataclass(frozen=True)
class Sealed:
    """A column, the purpose it is sealed for, and the number that tells its rows apart.

    `only` is the SQL of a condition for rows that may be touched. `digest` names a column that is computed from what
    is sealed, and `compute` does it.
    """

    table: str
    column: str
    purpose: str
    key: str = "id"
    only: str = "true"
    digest: str = ""
    compute: Callable[[bytes], bytes] | None = None

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.table}.{self.column}"


def _address_digest(plain: bytes) -> bytes:
    return address.digest(plain.decode())


COLUMNS = (
    Sealed("kept_key", "key_sealed", kept_keys.PURPOSE),
    Sealed("measurement_key", "key_sealed", measurement.PURPOSE, key="campaign_id"),
    # What is due is just about to be sent: a worker that found it locked would let it wait for a quarter of a minute.
    Sealed("outbox_mail", "sealed", outbox.PURPOSE, only="not_before > now() + interval '5 seconds'"),
    Sealed("recipient", "address_sealed", address.SEAL_PURPOSE, digest="address_digest", compute=_address_digest),
    Sealed("recipient", "name_sealed", person.PURPOSE),
)
