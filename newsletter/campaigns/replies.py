"""The relay's last reply of each kind, for staff to see: code and status, when, and nothing of whom it was about."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from newsletter.campaigns.faults import is_ours, is_unknown_address
from newsletter.campaigns.models import CampaignReply
from newsletter.core.db import db
from newsletter.core.i18n import gettext as _
from newsletter.mail.pipeline import CLOSING
from newsletter.mail.replies import COMPLETED, Reply

EVERY_SECONDS = 1.0
MOST = 20
_NOTE = text("""
    INSERT INTO campaign_reply (campaign_id, code, status, at)
    SELECT :campaign, code, status, now()
    FROM unnest(CAST(:codes AS int[]), CAST(:statuses AS text[])) AS said(code, status)
    ORDER BY code, status
    ON CONFLICT (campaign_id, code, status) DO UPDATE SET at = excluded.at
""")


class Said(NamedTuple):
    """A kind of reply, and when it came last."""

    code: int
    status: str
    at: datetime

    @property
    def meaning(self) -> str:
        """What it says, in the reader's language."""
        reply = Reply(self.code, self.status)
        if reply.is_a(COMPLETED):
            return _("taken")
        if self.code == CLOSING:
            return _("the relay closed the connection")
        if self.code < 500:
            return _("not now; it is tried again")
        if is_ours(reply):
            return _("refuses us, not the recipient")
        return _("there is no such address") if is_unknown_address(reply) else _("refused for good")


class Replies:
    """What the relay said since it was last written. One thread notes, another writes, once a second at most."""

    def __init__(self, campaign_id: int) -> None:
        self._campaign_id = campaign_id
        self._said: set[Reply] = set()
        self._last: Reply | None = None
        self._write_at = 0.0

    def note(self, reply: Reply | None) -> None:
        """Note a reply. Most are like the one before, and cost next to nothing."""
        if reply is not self._last and reply is not None:
            self._said.add(reply)
        self._last = reply

    def write(self, connection: Connection, *, now: bool = False) -> None:
        """Write what was said, if it is time or `now`. Commits. That it fails is no reason to stop a campaign."""
        if not self._said or not (now or time.monotonic() >= self._write_at):
            return
        self._write_at = time.monotonic() + EVERY_SECONDS
        said, self._said, self._last = self._said, set(), None
        values = {
            "campaign": self._campaign_id,
            "codes": [reply.code for reply in said],
            "statuses": [reply.status for reply in said],
        }
        try:
            connection.execute(_NOTE, values)
            connection.commit()
        except SQLAlchemyError:
            with suppress(SQLAlchemyError):
                connection.rollback()


def latest(campaign_id: int) -> list[Said]:
    """Return the last reply of each kind, newest first."""
    return latest_of([campaign_id])[campaign_id]


def latest_of(campaign_ids: Sequence[int]) -> dict[int, list[Said]]:
    """Return what `latest` says of each of the campaigns, by its id."""
    query = (
        select(CampaignReply.campaign_id, CampaignReply.code, CampaignReply.status, CampaignReply.at)
        .where(CampaignReply.campaign_id.in_(campaign_ids))
        .order_by(CampaignReply.at.desc(), CampaignReply.code)
    )
    found: dict[int, list[Said]] = {campaign_id: [] for campaign_id in campaign_ids}
    for campaign_id, code, status, at in db.session.execute(query):
        if len(found[campaign_id]) < MOST:
            found[campaign_id].append(Said(code, status, at))
    return found
