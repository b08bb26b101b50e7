"""Whether a sign-up passes at once: by the time its form was open, by a proof of work, or among a few without either.

No cookie, and nothing about the visitor but a digest of the network. It does not look at the address, and so can't say
anything about it.
"""

import time
from collections.abc import Callable, Mapping

from newsletter.core import tokens
from newsletter.core.errors import BadToken
from newsletter.optin import pressure, proof_of_work
from newsletter.optin.pressure import Arrival, Level

SHOWN_PURPOSE = "form-shown"
SHOWN, PROOF = "shown", "proof"
"""Fields of the form."""
QUICKEST_SECONDS, OLDEST_SECONDS = 2, 24 * 3600


def shown_now() -> str:
    """Return the sealed time for a form that is shown now."""
    return tokens.sign(SHOWN_PURPOSE, int(time.time()).to_bytes(4))


def lets_through(form: Mapping[str, str], network: str, arrived: Callable[[], Arrival]) -> bool:
    """Return whether a sign-up passes that has `arrived` (see `pressure`); when not, it may come again in a minute.

    From one network, up to `SIGNUPS_PER_MINUTE`. Calm: whoever does not fill in a form in less than two seconds. Under
    pressure: whoever took the time and shows a proof of work. Of the others a few pass all the same, from one network
    and from everywhere: some have no script.
    """
    if pressure.is_off():
        return True
    level, too_many = arrived()
    if too_many:
        return False
    seconds = _open_for(form.get(SHOWN, ""))
    if level is Level.CALM:
        passes = seconds is None or seconds >= QUICKEST_SECONDS
    else:
        took_time = seconds is not None and QUICKEST_SECONDS <= seconds <= OLDEST_SECONDS
        passes = took_time and proof_of_work.accept(form.get(PROOF, ""))
    return passes or pressure.trickle(network, level)


def lets_program_through(
    proof: str, network: str, arrived: Callable[[], Arrival], *, is_known: Callable[[], bool]
) -> bool:
    """Do as `lets_through` for a sign-up over the API, where no form is open.

    Under pressure it takes a proof of work, or one whom we know: a token's owner answers for what it brings, and it can
    be revoked. When the brake is pulled, nobody is known: what is unusual may come that way.
    """
    if pressure.is_off():
        return True
    level, too_many = arrived()
    if too_many:
        return False
    passes = level is Level.CALM or proof_of_work.accept(proof) or (level is Level.PRESSED and is_known())
    return passes or pressure.trickle(network, level)


def _open_for(shown: str) -> float | None:
    """Return for how many seconds the form was open; None when it does not say, or not by us."""
    try:
        return time.time() - int.from_bytes(tokens.verify(SHOWN_PURPOSE, shown))
    except BadToken:
        return None
