"""What a relay's verdict means for a delivery."""

from newsletter.campaigns.faults import SENDER, OurFault, is_ours, is_unknown_address
from newsletter.campaigns.held import Claim, Outcome
from newsletter.campaigns.models import DeliveryState
from newsletter.mail.pipeline import Fate, Stage, Verdict

_TAKEN, _SENT = Fate.TAKEN, DeliveryState.SENT
"""Looked up once: nearly every mail meets with this."""
POISON_ATTEMPTS = 3
"""A mail on which the relay hangs up this often waits like one that was refused for now: it must not hold up others."""


def outcome_of(claim: Claim, verdict: Verdict) -> Outcome:
    """Return what became of the claim; raise `OurFault` when the relay refuses us rather than this recipient."""
    reply = verdict.reply
    if verdict.fate is _TAKEN and reply is not None:
        return Outcome(claim, _SENT, reply.code, reply.status)
    if verdict.fate is Fate.IN_DOUBT:
        return Outcome(claim, DeliveryState.IN_DOUBT)
    if verdict.fate is Fate.DROPPED:
        again = DeliveryState.DEFERRED if claim.attempt >= POISON_ATTEMPTS else DeliveryState.QUEUED
        return Outcome(claim, again)
    if reply is None:
        return Outcome(claim, DeliveryState.QUEUED)
    if verdict.fate is Fate.CLOSING:
        # In answer to MAIL it is not about this mail; behind that it may be, every time.
        tried = verdict.stage is not Stage.MAIL
        again = DeliveryState.DEFERRED if tried and claim.attempt >= POISON_ATTEMPTS else DeliveryState.QUEUED
        return Outcome(claim, again, reply.code, reply.status, tried)
    permanent = reply.code >= 500
    if permanent and verdict.stage not in (Stage.RCPT, Stage.DOT):
        raise OurFault(reply, SENDER if verdict.stage is Stage.MAIL and not is_ours(reply) else "")
    if is_ours(reply):
        # Our fault at first. But where only this one's provider says so again after a resume, the others go on.
        if claim.attempt == 1:
            raise OurFault(reply)
        return Outcome(claim, DeliveryState.DEFERRED, reply.code, reply.status)
    return Outcome(claim, DeliveryState.FAILED if permanent else DeliveryState.DEFERRED, reply.code, reply.status)


def is_unknown(verdict: Verdict) -> bool:
    """Return whether the relay said for good, and to RCPT, that there is no such address."""
    refused = verdict.fate is Fate.REFUSED and verdict.stage is Stage.RCPT
    return refused and verdict.reply is not None and is_unknown_address(verdict.reply)
