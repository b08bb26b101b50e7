"""Tables of measurement: targets of links, the campaign's measurement key, events under pseudonyms, tallies."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, func, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.db import Model, kept

OPEN = 0
"""The link number that stands for the pixel; links of the text count from 1."""
ANY_CLICK = -1
"""Stands for a click on whichever link: so the people who clicked are known when their events are gone."""
MACHINE_OPEN, MACHINE_CLICK = -2, -3
"""Stand for what machines did, which is counted nowhere else."""
TRAP = 10_000
"""The number of the link that no person can see. Links of the text stay far below."""


class Link(Model):
    """Where link `number` of a campaign leads: what staff saved, and nothing else."""

    __tablename__ = "link"
    __table_args__ = kept("content")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str]


class MeasurementKey(Model):
    """The key that makes a campaign's pseudonyms, sealed; NULL once the window has ended."""

    __tablename__ = "measurement_key"
    __table_args__ = kept("figures")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    key_sealed: Mapped[bytes | None] = mapped_column(info={"retention": "measurement"})
    ends_at: Mapped[datetime]


class Event(Model):
    """That a pseudonym opened (link 0) or clicked (link n, and -1): when first, to the hour, and how often.

    Gone when the window ends.
    """

    __tablename__ = "event"
    __table_args__ = kept("measurement")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    link: Mapped[int] = mapped_column(primary_key=True)
    pseudonym: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    first_hour: Mapped[datetime]
    total: Mapped[int]


class Silenced(Model):
    """A pseudonym that is not counted: its person objected, or restricted, after the mail had been sent.

    Gone when the window ends.
    """

    __tablename__ = "silenced"
    __table_args__ = kept("measurement")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    pseudonym: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Tally(Model):
    """The people whose first time at a link was in this hour (`unique`), and what they did there until now (`total`).

    These figures remain when key and events are gone. The hours of a link add up to its people.
    """

    __tablename__ = "tally"
    __table_args__ = kept("figures")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    link: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    unique: Mapped[int]
    total: Mapped[int]


class ShownFigure(Model):
    """A link's people and what they did, as they stood when its people last came to another step (`steps`).

    Reports read nothing else, so that whoever looks twice never sees what a single person did in between. The step
    before is kept for when this one is too close to all who got the mail.
    """

    __tablename__ = "shown_figure"
    __table_args__ = kept("figures")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    link: Mapped[int] = mapped_column(primary_key=True)
    unique: Mapped[int]
    total: Mapped[int]
    unique_before: Mapped[int] = mapped_column(server_default=text("0"))
    total_before: Mapped[int] = mapped_column(server_default=text("0"))


class DrainedBatch(Model):
    """A slice of the event buffer that is in the tables: a drain that died before it emptied Redis counts once."""

    __tablename__ = "drained_batch"
    __table_args__ = kept("work")

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    drained_at: Mapped[datetime] = mapped_column(server_default=func.now())
