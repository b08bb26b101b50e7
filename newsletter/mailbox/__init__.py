"""What takes a mailbox, besides signing up: another address, another newsletter, a link that was lost."""
