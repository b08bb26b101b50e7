"""The promises that data keep or break: P1, P3, P4, P5, P7, P8, P9. Reads only."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path

from flask import current_app
from redis import RedisError

from newsletter.core import digests
from newsletter.core.db import db
from newsletter.core.sealing import Opener, Unsealable
from newsletter.journal import backups
from newsletter.mail import address
from newsletter.privacy import receipts, runs, verifying
from newsletter.promises import logfiles, stores
from newsletter.promises.finding import Check
from newsletter.retention.enforcing import enforced
from newsletter.rotation import columns

BACKUPS = "backups (addresses in them are sealed, also of who left since); the relay's and the platform's logs"
SILENT = timedelta(days=2)
SAMPLE, MOST_LINES = 1000, 20


def nothing_before_the_yes() -> Check:
    """P1."""
    check = Check(1, BACKUPS)
    _sealed(check, ("outbox_mail",))
    check.none(
        "mail that waits", "SELECT count(*) FROM outbox_mail WHERE created_at < now() - interval '49 hours'",
        "mail kept longer than 48 hours",
    )  # fmt: skip
    check.none(
        "recipients and their receipts",
        "SELECT count(*) FROM recipient JOIN receipt ON receipt.id = receipt_id"
        " WHERE receipt.confirmed_at IS NULL AND address_sealed IS NOT NULL",
        "recipient who has not confirmed",
    )
    _readable(check)
    return check


def one_click_and_gone() -> Check:
    """P3."""
    check = Check(3, f"{BACKUPS}; mails that had begun before the click")
    check.none(
        "emptied rows",
        "SELECT count(*) FROM recipient JOIN receipt ON receipt.id = receipt_id"
        " WHERE address_sealed IS NULL AND closed_at < now() - interval '1 minute'",
        "emptied row older than a minute",
    )
    check.none(
        "recipients and closed receipts",
        "SELECT count(*) FROM recipient JOIN receipt ON receipt.id = receipt_id"
        " WHERE closed_at IS NOT NULL AND address_sealed IS NOT NULL",
        "address of someone whose receipt says that they have left",
    )
    check.none(
        "deliveries",
        "SELECT count(*) FROM delivery LEFT JOIN recipient ON recipient.id = recipient_id"
        " WHERE recipient_id IS NOT NULL AND recipient.id IS NULL",
        "delivery that refers to a recipient who is gone",
    )
    check.none(
        "digests of addresses",
        "SELECT count(*) FROM (SELECT FROM recipient WHERE address_digest IS NOT NULL"
        " GROUP BY newsletter_id, address_digest HAVING count(*) > 1) AS twice",
        "address that is twice on one newsletter",
    )
    return check


def measured_not_watched() -> Check:
    """P4."""
    check = Check(4, "what mail programs and proxies in front keep")
    past = "key_sealed IS NOT NULL AND ends_at < now() - interval '2 hours'"
    check.none(
        "measurement keys", f"SELECT count(*) FROM measurement_key WHERE {past}",  # noqa: S608
        "measurement key past the end of its window",
    )  # fmt: skip
    check.none(
        "when measured campaigns were sent",
        "SELECT count(*) FROM measurement_key JOIN campaign ON campaign.id = campaign_id WHERE key_sealed IS NOT NULL"
        " AND started_at < now() - make_interval(days => :days, hours => 2)",
        "measurement key of a campaign sent longer ago than MEASUREMENT_DAYS",
        days=current_app.config["MEASUREMENT_DAYS"],
    )
    for table in ("event", "silenced"):
        check.none(
            f"pseudonyms in {table}",
            f"SELECT count(DISTINCT campaign_id) FROM {table} JOIN measurement_key USING (campaign_id)"  # noqa: S608
            " WHERE key_sealed IS NULL",
            "campaign whose pseudonyms outlive its key",
        )
    check.look("MEASUREMENT_MIN_GROUP", int(current_app.config["MEASUREMENT_MIN_GROUP"] < 2), "figures of one person")
    check.none(
        "the names and types of all columns",
        "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND (data_type IN"
        " ('inet', 'cidr') OR column_name ~ '(^|_)(ip|ip_address|remote_addr|user_?agent)(_|$)')",
        "column for an IP address or a user agent",
    )
    return check


def agreed_can_be_shown() -> Check:
    """P5."""
    check = Check(5, "whether the wording was what the page showed")
    check.none(
        "recipients", "SELECT count(*) FROM recipient WHERE receipt_id IS NULL AND address_sealed IS NOT NULL",
        "recipient without a receipt",
    )  # fmt: skip
    check.none(
        "the newsletters of receipts",
        "SELECT count(*) FROM recipient JOIN receipt ON receipt.id = receipt_id"
        " WHERE receipt.newsletter_id IS DISTINCT FROM recipient.newsletter_id",
        "recipient with a receipt for another newsletter",
    )
    check.none(
        "the times in receipts",
        "SELECT count(*) FROM receipt WHERE requested_at > confirmed_at + interval '1 minute'"
        " OR mailed_at > confirmed_at + interval '1 minute' OR confirmed_at > closed_at + interval '1 minute'"
        " OR (closed_at IS NULL) <> (delete_after IS NULL) OR octet_length(address_digest) <> 32",
        "receipt that contradicts itself",
    )
    check.looked.append("receipts, their seals and their chain (newsletter proof --verify)")
    check.found += list(islice(verifying.problems(), MOST_LINES))
    check.look(f"{SAMPLE} recipients and their receipts", _strangers(), "receipt of another address")
    return check


def _strangers() -> int:
    """Count recipients whose receipt names another address."""
    rows = db.session.execute(
        db.text(
            "SELECT address_sealed, receipt.address_digest FROM recipient JOIN receipt ON receipt.id = receipt_id"
            " WHERE address_sealed IS NOT NULL ORDER BY recipient.id DESC LIMIT :sample"
        ),
        {"sample": SAMPLE},
    ).all()
    wrong = 0
    for sealed, found in rows:
        try:
            wrong += found not in digests.digests(receipts.PURPOSE, address.canonical(address.unseal(sealed)))
        except Unsealable:
            continue  # P9 says so
    return wrong


def no_longer_than_declared() -> Check:
    """P7."""
    check = Check(7, BACKUPS)
    last = runs.every()
    now = db.session.execute(db.text("SELECT now()")).scalar_one()
    for rule in enforced():
        check.looked.append(f"rule {rule.name}")
        run = last.get(rule.name)
        if run is None or run.ran_at < now - SILENT:
            check.found.append(f"the rule {rule.name!r} was not enforced for two days")
        try:
            overdue = rule.overdue(max(2 * rule.every, timedelta(hours=2))) if rule.overdue else 0
        except RedisError as error:
            check.found.append(f"the rule {rule.name!r} can't be checked: Redis is away ({type(error).__name__})")
            continue
        if overdue:
            check.found.append(f"{overdue} × longer there than the rule {rule.name!r} allows")
    oldest = backups.oldest_at()
    known = f"of {oldest:%Y-%m-%d}" if oldest else "none is known"
    check.look(f"the oldest backup made here ({known})", backups.overdue(SILENT), "backup older than BACKUP_KEEP_DAYS")
    return check


def accounted_for() -> Check:
    """P8."""
    check = Check(8, "what became of a mail after the relay took it")
    check.none(
        "the counts of every campaign that still has its deliveries",
        "SELECT count(DISTINCT campaign_id) FROM ("
        " SELECT campaign_id, state, sum(number) AS number FROM delivery_count GROUP BY campaign_id, state"
        ") AS kept FULL JOIN ("
        " SELECT campaign_id, state, count(*) AS number FROM delivery GROUP BY campaign_id, state"
        ") AS there USING (campaign_id, state) JOIN campaign ON campaign.id = campaign_id"
        " WHERE coalesce(kept.number, 0) <> coalesce(there.number, 0) AND shrunk_at IS NULL"
        " AND NOT (campaign.state IN ('sent', 'cancelled')"
        "          AND coalesce(finished_at, campaign.updated_at) < now() - interval '90 days')",
        "campaign whose counts are not those of its deliveries",
    )
    check.none(
        "claimed deliveries",
        "SELECT count(*) FROM delivery WHERE state = 'claimed' AND NOT EXISTS (SELECT FROM batch"
        " WHERE batch.id = batch_id AND lease_until > now() - interval '2 minutes')",
        "claimed delivery that no worker has in hand",
    )
    return check


def stolen_is_not_readable(logs: Sequence[Path] = ()) -> Check:
    """P9; looks into log files, too, as far as they are named."""
    check = Check(9, f"{BACKUPS}{'' if logs else ', and ours (--logs)'}; names, which look like any word")
    _sealed(check, tuple(each.table for each in columns.COLUMNS))
    _readable(check)
    for file in logfiles.files(logs):
        try:
            check.look(str(file), logfiles.lines_with_addresses(file), f"line with a readable address in {file}")
        except OSError as error:
            check.found.append(f"{file} can't be looked at: {type(error).__name__}")
    return check


def _sealed(check: Check, tables: tuple[str, ...]) -> None:
    for column in columns.COLUMNS:
        if column.table in tables:
            opener, closed = Opener(column.purpose), 0
            for value in stores.some(column.table, column.column, SAMPLE):
                try:
                    opener.open(value)
                except Unsealable:
                    closed += 1
            check.look(f"up to {SAMPLE} values of {column.name}", closed, f"{column.name} not sealed with our keys")


def _readable(check: Check) -> None:
    looked, found = stores.columns_with_addresses()
    check.looked.append(f"{looked} columns that hold text or octets")
    check.found += [f"{rows} × readable address in {where}" for where, rows in found.items()]
    try:
        keys, kinds = stores.redis_keys_with_addresses()
    except RedisError as error:
        check.found.append(f"Redis can't be looked at: {type(error).__name__}")
        return
    check.looked.append(f"{keys} keys of Redis, unpacked where packed")
    check.found += [f"readable address in Redis: {kind}" for kind in sorted(set(kinds))]
