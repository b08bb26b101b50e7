"""Every job that a worker may run: a worker knows the jobs of the modules that are named here."""

from newsletter.campaigns import jobs as campaigns
from newsletter.campaigns import trial
from newsletter.contact import jobs as contact
from newsletter.mailbox import jobs as mailbox
from newsletter.optin import alarm
from newsletter.optin import jobs as optin
from newsletter.recipients import jobs as recipients

MODULES = (optin, alarm, contact, recipients, mailbox, campaigns, trial)
