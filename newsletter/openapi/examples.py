"""Examples for the document: a fictional utility and its newsletter."""

from typing import Any

Example = dict[str, Any]

SIGN_UP: Example = {
    "email": "kim.beispiel@example.org",
    "salutation": "ms",
    "title": "Dr.",
    "first_name": "Kim",
    "last_name": "Beispiel",
    "language": "de",
}
PENDING: Example = {"status": "pending"}
NEWSLETTER_NEW: Example = {
    "slug": "meine-stadtwerke",
    "title": "Meine Stadtwerke",
    "description": "Einmal im Monat: Neues aus Musterstadt.",
    "language": "de",
    "from_name": "Stadtwerke Musterstadt",
    "from_address": "news@stadtwerke-musterstadt.example",
    "reply_to": "",
    "imprint": "Stadtwerke Musterstadt, Musterweg 1, 12345 Musterstadt",
    "consent_text": "Ich möchte den Newsletter der Stadtwerke Musterstadt erhalten.",
    "measurement": "all",
    "accent": "#0b5c8a",
    "time_zone": "Europe/Berlin",
    "send_from": "08:00",
    "send_until": "20:00",
    "mails_per_second": 50,
}
NEWSLETTER: Example = NEWSLETTER_NEW | {"url": "https://news.example.org/n/meine-stadtwerke", "recipients": 412}
CAMPAIGN_NEW: Example = {
    "newsletter": "meine-stadtwerke",
    "subject": "Der neue Wärmeplan",
    "preheader": "Was sich für Sie ändert",
    "markdown": "Unser Wärmeplan steht.\n\n[Zum Plan](https://stadtwerke-musterstadt.example/plan)",
}
CAMPAIGN: Example = CAMPAIGN_NEW | {
    "id": "k9X2pQ",
    "state": "sending",
    "pause_reason": None,
    "counts": {
        "audience": 412,
        "queued": 100,
        "claimed": 12,
        "sent": 297,
        "deferred": 1,
        "failed": 1,
        "skipped": 1,
        "in_doubt": 0,
    },
    "progress": {"rate_per_minute": 290, "minutes_left": 1},
    "replies": [
        {"code": 250, "status": "2.0.0", "at": "2026-11-03T09:01:07Z"},
        {"code": 450, "status": "4.2.1", "at": "2026-11-03T09:00:05Z"},
    ],
    "created_at": "2026-11-01T08:00:00Z",
    "updated_at": "2026-11-03T09:00:00Z",
    "scheduled_at": None,
    "started_at": "2026-11-03T09:00:00Z",
    "finished_at": None,
}
REPORT: Example = {
    "delivered": 410,
    "opens": {"unique": 180, "total": 251},
    "clicks": {"unique": 37, "total": 49},
    "links": [{"url": "https://stadtwerke-musterstadt.example/plan", "unique": 37, "total": 49}],
    "unsubscribes": None,
}
