"""A proof of work (the protocol of ALTCHA, version 2): a second of a browser's time, and no question to anyone.

`static/solve.js` finds what is asked for: a number that makes the derived key (PBKDF2, RFC 8018 §5.2) start with
`PREFIX`. A challenge is signed, good for twenty minutes, and good once.
"""

import json
import time

import altcha

from newsletter.core.keys import keyring
from newsletter.optin import tally
from newsletter.optin.pressure import Level

PURPOSE = "proof-of-work"
ALGORITHM, PREFIX = "PBKDF2/SHA-256", "00"
COST = {Level.PRESSED: 3000, Level.BRAKED: 12000}
"""Rounds of each try, of which it takes 256 on average: 0.3 s and 1.2 s of a laptop, five times that of a phone."""
GOOD_FOR_SECONDS = 20 * 60
MAX_CHARACTERS = 2000


def challenge(level: Level) -> str:
    """Return a challenge as JSON for the form; empty when things are calm."""
    if level is Level.CALM:
        return ""
    made = altcha.create_challenge(
        ALGORITHM,
        COST[level],
        key_prefix=PREFIX,
        expires_at=int(time.time()) + GOOD_FOR_SECONDS,
        hmac_secret=keyring().derive(PURPOSE),
    )
    return json.dumps(made.to_dict(), separators=(",", ":"))


def accept(proof: str) -> bool:
    """Return whether this solves a challenge of ours that nobody has shown solved before."""
    if not proof or len(proof) > MAX_CHARACTERS:
        return False
    good = any(altcha.verify_solution(proof, secret).verified for secret in keyring().generations(PURPOSE))
    return good and tally.first_use(f"newsletter:proof:{_nonce(proof)}", GOOD_FOR_SECONDS)


def _nonce(proof: str) -> str:
    return altcha.Payload.from_base64(proof).challenge.parameters.nonce
