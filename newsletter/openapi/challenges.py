"""The proof of work that sign-ups need while many arrive: its challenge, and the call that gives one."""

from typing import Any

from newsletter.openapi.answers import found, problems
from newsletter.openapi.schemas import record, ref, text

CHALLENGE = {
    "type": "object",
    "description": (
        "A challenge of ALTCHA's protocol, version 2: find the number `counter`, from 0 on, for which PBKDF2 with "
        "SHA-256 of the octets of `nonce` and the counter (32 bits, big-endian), with `salt` and `cost` rounds, begins "
        "with `keyPrefix`. ALTCHA's libraries do it. Good for twenty minutes, and for one sign-up."
    ),
    "properties": {
        "parameters": {"type": "object", "description": "What is asked for, as ALTCHA's libraries take it."},
        "signature": text("By which the service knows its own challenge again."),
    },
    "required": ["parameters", "signature"],
}
GIVEN = record(
    "What a sign-up needs now: the solution of a challenge, or in calm times nothing.",
    {"challenge": {"oneOf": [ref("Challenge"), {"type": "null"}]}},
)
EXAMPLE = {
    "challenge": {
        "parameters": {
            "algorithm": "PBKDF2/SHA-256",
            "nonce": "5d9a60a5a4b2a1e06f2b5a5ad4ce0a8c",
            "salt": "9fbd1f0c2b0c4e9b8d4f7a9fc9a6c1d2",
            "cost": 3000,
            "keyLength": 32,
            "keyPrefix": "00",
            "expiresAt": 1793700000,
        },
        "signature": "a3c2b1f0a3c2b1f0a3c2b1f0a3c2b1f0a3c2b1f0a3c2b1f0a3c2b1f0a3c2b1f0",
    }
}


def give() -> dict[str, Any]:
    """Return the call that gives a challenge."""
    return {
        "operationId": "getChallenge",
        "tags": ["sign-up"],
        "summary": "A challenge for a sign-up while many arrive, as the form gets it. Open to everyone.",
        "responses": {"200": found(ref("GivenChallenge"), "The challenge, or null.", EXAMPLE), **problems(404)},
        "security": [],
    }
