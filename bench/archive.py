"""What years leave behind: two hundred campaigns with deliveries, tallies, departures, receipts and a long trail.

Written by INSERT … SELECT, because it is only looked at; the recipients' rows are real ones.
"""

from sqlalchemy import text

from bench import issue
from bench.people import Crowd
from newsletter.core.db import db

CAMPAIGNS = 200
LEAST, SPREAD = 10_000, 40_001
"""A campaign has 10,000 to 50,000 deliveries, in no order; the last one has all recipients."""
OPENED = 2
"""One in so many recipients of the large campaign opened it."""

_CAMPAIGNS = text("""
    INSERT INTO campaign (newsletter_id, subject, preheader, markdown, state, created_at, started_at, finished_at)
    SELECT :newsletter, :subject || ' ' || number, :preheader, :markdown, 'sent',
           now() - (:number - number + 2) * interval '1 day', now() - (:number - number + 1) * interval '1 day',
           now() - (:number - number + 1) * interval '1 day' + interval '5 minutes'
    FROM generate_series(1, :number) AS number ORDER BY number RETURNING id
""")
_DELIVERIES = text("""
    INSERT INTO delivery (campaign_id, recipient_id, state, attempt, batch_id, reply_code, reply_status)
    SELECT :campaign, id, CASE WHEN id % 97 = 0 THEN 'failed' ELSE 'sent' END, 1, 1, 250, '2.0.0'
    FROM recipient WHERE newsletter_id = :newsletter ORDER BY id LIMIT :number
""")
_ALL_AROUND = (
    """INSERT INTO link (campaign_id, number, url)
       SELECT id, number, 'https://www.example.org/' || number FROM unnest(CAST(:ids AS integer[])) AS id,
              generate_series(1, 10) AS number""",
    """INSERT INTO measurement_key (campaign_id, key_sealed, ends_at)
       SELECT id, NULL, now() FROM unnest(CAST(:ids AS integer[])) AS id""",
    """INSERT INTO tally (campaign_id, link, hour, "unique", total)
       SELECT id, link, date_trunc('hour', now()) - make_interval(hours => hour), 10 + hour, 20 + hour
       FROM unnest(CAST(:ids AS integer[])) AS id, generate_series(-1, 10) AS link, generate_series(1, 200) AS hour""",
    """INSERT INTO departure (newsletter_id, campaign_id, day, way, number)
       SELECT :newsletter, id, current_date - day, way, 3
       FROM unnest(CAST(:ids AS integer[])) AS id, generate_series(1, 30) AS day,
            unnest(ARRAY['one_click', 'page', 'preferences', 'others', 'bounce']) AS way""",
    """INSERT INTO event (campaign_id, link, pseudonym, first_hour, total)
       SELECT :large, 0, hashint8extended(id, 1), date_trunc('hour', now()), 1
       FROM recipient WHERE newsletter_id = :newsletter AND id % :opened = 0""",
    """INSERT INTO audit_entry (at, actor, action, subject)
       SELECT now() - interval '89 days' * number / 50000, 'staff@example.org', 'campaign.change', 'abc ' || number
       FROM generate_series(50000, 1, -1) AS number""",
)


def fill(crowd: Crowd) -> list[int]:
    """Store the campaigns of the crowd's newsletter; return their ids, the large one last."""
    values = {"newsletter": crowd.newsletter_id, "number": CAMPAIGNS}
    content = {"subject": issue.SUBJECT, "preheader": issue.PREHEADER, "markdown": issue.markdown()}
    ids = list(db.session.execute(_CAMPAIGNS, values | content).scalars())
    for campaign_id in ids:
        number = crowd.number if campaign_id == ids[-1] else LEAST + campaign_id * 7919 % SPREAD
        db.session.execute(_DELIVERIES, values | {"campaign": campaign_id, "number": number})
        db.session.commit()
    for statement in _ALL_AROUND:
        db.session.execute(text(statement), values | {"ids": ids, "large": ids[-1], "opened": OPENED})
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    return ids
