"""The one table of how long things are kept (P7). Every column of the database is tagged with the name of a rule
(`core.db.kept`); what a rule deletes, the periodic work deletes (`schedule`), and notes that it did.

The texts are said in the reader's language when they are shown.
"""

from datetime import timedelta

from sqlalchemy import func

from newsletter.campaigns import shrinking
from newsletter.campaigns.models import Batch, Campaign, ProgressMark
from newsletter.core import queues
from newsletter.core.i18n import N_
from newsletter.journal import backups, entries
from newsletter.mail import outbox
from newsletter.mail.models import OutboxMail
from newsletter.optin import restraint
from newsletter.optin.models import ConfirmationMail
from newsletter.privacy import receipts
from newsletter.privacy.models import Receipt
from newsletter.recipients import erasing
from newsletter.retention.rule import CONSENT, NO_PERSON, OWN_INTEREST, Rule, count_if
from newsletter.staff import trail
from newsletter.staff.trail import AuditEntry
from newsletter.tracking import buffer, measurement
from newsletter.tracking.models import DrainedBatch, MeasurementKey


def _overdue_work(longer: timedelta) -> int:
    """Marks go within seconds, while their work goes on; a day is kept of what was counted."""
    batches = count_if(Batch.id, lambda more: Batch.lease_until < func.now() - more)
    marks = count_if(ProgressMark.at, lambda more: ProgressMark.at < func.now() - more)
    drained = count_if(DrainedBatch.id, lambda more: DrainedBatch.drained_at < func.now() - buffer.KEEP_BATCHES - more)
    return batches(longer) + marks(longer) + drained(longer)


RULES: tuple[Rule, ...] = (
    Rule(
        name="outbox",
        what=N_("Sign-ups and other mail to one person that waits to be sent, encrypted"),
        purpose=N_("to send the e-mail that was asked for"),
        basis=CONSENT,
        period=N_("until the mail server took it, 48 hours at most"),
        ending=N_("the row is deleted"),
        every=timedelta(seconds=15),
        enforce=outbox.sweep,
        overdue=count_if(OutboxMail.id, lambda more: OutboxMail.created_at < func.now() - outbox.GIVE_UP_AFTER - more),
    ),
    Rule(
        name="restraint",
        what=N_(
            "That an address was sent a mail to confirm, or its link, or wants none, under a value computed from it"
        ),
        purpose=N_("so that nobody can have others mailed in masses"),
        basis=OWN_INTEREST,
        period=N_("30 days, or until the confirmation; what is not wanted 180 days"),
        ending=N_("the row is deleted"),
        enforce=restraint.forget_old,
        overdue=count_if(
            ConfirmationMail.wish, lambda more: ConfirmationMail.mailed_at < func.now() - restraint.MONTH - more
        ),
    ),
    Rule(
        name="recipients",
        what=N_("Address and name of subscribers, encrypted, and their choices"),
        purpose=N_("to send the newsletter"),
        basis=CONSENT,
        period=N_("until they leave, or the address turns out not to exist"),
        ending=N_("at once, with the click; what a mail in hand holds back goes within seconds"),
        every=timedelta(seconds=10),
        enforce=erasing.sweep_tombstones,
        overdue=erasing.overdue_tombstones,
    ),
    Rule(
        name="receipts",
        what=N_("Receipts of consents, under a value computed from the address with a secret key"),
        purpose=N_("to prove the consent (Art. 7 (1) GDPR)"),
        basis=OWN_INTEREST,
        period=N_("until the end of the third calendar year after the one of leaving"),
        ending=N_("the row is deleted"),
        enforce=receipts.delete_outlived,
        overdue=count_if(Receipt.id, lambda more: Receipt.delete_after < func.now() - more),
    ),
    Rule(
        name="chain",
        what=N_("The chain that shows when a receipt was changed: seals and numbers"),
        purpose=N_("to prove the consent (Art. 7 (1) GDPR)"),
        basis=NO_PERSON,
        period=N_("as long as the service"),
        ending=N_("not at all"),
    ),
    Rule(
        name="measurement",
        what=N_("Opens and clicks under pseudonyms, which pseudonyms are not counted, and the key that makes them"),
        purpose=N_("to count how many people read what"),
        basis=CONSENT,
        period=N_("%(days)s days from the sending on"),
        ending=N_("key and pseudonyms are deleted, numbers remain"),
        enforce=measurement.forget_ended,
        overdue=count_if(
            MeasurementKey.campaign_id,
            lambda more: MeasurementKey.key_sealed.is_not(None) & (MeasurementKey.ends_at < func.now() - more),
        ),
    ),
    Rule(
        name="deliveries",
        what=N_("Which campaign was sent to which recipient, and the mail server's answer"),
        purpose=N_("to send every mail once, and to account for it"),
        basis=OWN_INTEREST,
        period=N_("90 days after the end of the campaign; the reference to a person until that person leaves"),
        ending=N_("the rows are deleted, their numbers remain"),
        every=timedelta(minutes=5),
        enforce=shrinking.shrink,
        overdue=count_if(Campaign.id, lambda more: shrinking.ended_before(shrinking.KEPT + more)),
    ),
    Rule(
        name="audit",
        what=N_("Who of the staff did what"),
        purpose=N_("to find out about mistakes and misuse"),
        basis=OWN_INTEREST,
        period=N_("90 days"),
        ending=N_("the entry is deleted"),
        enforce=trail.forget_old,
        overdue=count_if(AuditEntry.id, lambda more: AuditEntry.at < func.now() - trail.KEPT - more),
    ),
    Rule(
        name="accounts",
        what=N_("Accounts of the staff"),
        purpose=N_("to let staff in, and nobody else"),
        basis=OWN_INTEREST,
        period=N_("until 90 days after an account was closed"),
        ending=N_("the account is deleted"),
        enforce=trail.forget_closed,
        overdue=trail.overdue_accounts,
    ),
    Rule(
        name="failed jobs",
        what=N_("Failed jobs in Redis: the number of a row, and no more"),
        purpose=N_("to find the cause"),
        basis=NO_PERSON,
        period=N_("one day"),
        ending=N_("Redis drops the job, its mention is deleted"),
        enforce=queues.forget_failed,
        overdue=queues.overdue_failed,
    ),
    Rule(
        name="work",
        what=N_("Marks of the work in hand: batches, pace, what was counted already, which mails a machine came for"),
        purpose=N_("to do nothing twice"),
        basis=NO_PERSON,
        period=N_("seconds to a day"),
        ending=N_("by the work itself"),
        enforce=buffer.forget_drained,
        overdue=_overdue_work,
    ),
    Rule(
        name="journal",
        what=N_("Who has left, objected or restricted, under a value computed from a random number"),
        purpose=N_("to do it again when an older backup has to be restored"),
        basis=OWN_INTEREST,
        period=N_("%(backup_days)s days, or as long as the oldest backup"),
        ending=N_("the row is deleted"),
        enforce=entries.forget_old,
        overdue=entries.overdue,
    ),
    Rule(
        name="backups",
        what=N_("Backups of the database, addresses and names in them encrypted"),
        purpose=N_("to go on after a loss"),
        basis=OWN_INTEREST,
        period=N_("%(backup_days)s days"),
        ending=N_("the file is deleted; who has left since is erased again before one that was restored is used"),
        overdue=backups.overdue,
    ),
    Rule(
        name="figures",
        what=N_("Numbers of campaigns and newsletters: sent, opened, clicked, left"),
        purpose=N_("to know how a campaign did"),
        basis=NO_PERSON,
        period=N_("as long as the campaign"),
        ending=N_("with the campaign or the newsletter"),
    ),
    Rule(
        name="content",
        what=N_("Newsletters and campaigns: texts, links and senders, as staff entered them"),
        purpose=N_("to publish them"),
        basis=NO_PERSON,
        period=N_("until staff delete them"),
        ending=N_("with what belongs to them"),
    ),
    Rule(
        name="texts",
        what=N_("The wordings that people were shown, every version"),
        purpose=N_("to say what was agreed to"),
        basis=NO_PERSON,
        period=N_("as long as the service"),
        ending=N_("not at all"),
    ),
    Rule(
        name="tokens",
        what=N_("Names and fingerprints of API tokens"),
        purpose=N_("to let programs in, and nobody else"),
        basis=NO_PERSON,
        period=N_("until the token is revoked"),
        ending=N_("the row is deleted"),
    ),
    Rule(
        name="installation",
        what=N_("Facts of this installation: roles, when periodic work was done"),
        purpose=N_("to work"),
        basis=NO_PERSON,
        period=N_("as long as the service"),
        ending=N_("not at all"),
    ),
)
