"""Silencing: a person is not counted any more in campaigns whose mails they have got already (Art. 18 and 21 GDPR).

The pixel and the redirect go on answering, for they know nobody. What is remembered is the pseudonym, until the key
that made it is destroyed: nobody can tell then whose it was, and nothing can be counted any more.
"""

from collections.abc import Sequence

from sqlalchemy import text

from newsletter.core.db import db
from newsletter.tracking import keys, steps

# The places are named one by one, because the index of events has the link before the pseudonym.
_SILENCE = text("""
    WITH whose AS (
        SELECT * FROM unnest(CAST(:campaigns AS integer[]), CAST(:pseudonyms AS bigint[]))
            AS whose (campaign_id, pseudonym)
    ), marked AS (
        INSERT INTO silenced (campaign_id, pseudonym) SELECT campaign_id, pseudonym FROM whose ON CONFLICT DO NOTHING
    ), place AS (
        SELECT campaign_id, pseudonym, number FROM whose JOIN link USING (campaign_id)
        UNION ALL SELECT campaign_id, pseudonym, number FROM whose, (VALUES (0), (-1), (-2), (-3)) AS every (number)
    ), gone AS (
        DELETE FROM event USING place
        WHERE event.campaign_id = place.campaign_id AND event.link = place.number
          AND event.pseudonym = place.pseudonym
        RETURNING event.campaign_id, event.link, event.first_hour, event.total
    )
    UPDATE tally SET "unique" = tally."unique" - 1, total = tally.total - gone.total FROM gone
    WHERE tally.campaign_id = gone.campaign_id AND tally.link = gone.link AND tally.hour = gone.first_hour
""")
_FORGET_EMPTY = text("""
    DELETE FROM tally WHERE campaign_id = ANY (CAST(:campaigns AS integer[])) AND "unique" = 0 AND total = 0
""")


def silence(recipient_id: int, campaign_ids: Sequence[int]) -> bool:
    """Take the recipient out of what was counted in these campaigns, and let nothing more be counted.

    In the caller's transaction. Campaigns that are not measured (any more) are passed over. Returns whether that was
    all: False when a key can't be opened, and it has to be done again when it can.
    """
    # A drain that holds the keys is waited for; one that comes later finds the pseudonym silenced.
    held = keys.hold(campaign_ids, alone=True)
    pseudonyms = {campaign_id: made.pseudonym(recipient_id) for campaign_id, made in held.pseudonyms.items()}
    campaigns = list(pseudonyms)
    db.session.execute(_SILENCE, {"campaigns": campaigns, "pseudonyms": list(pseudonyms.values())})
    steps.take(campaigns)
    db.session.execute(_FORGET_EMPTY, {"campaigns": campaigns})
    return not held.locked
