"""What a person proves by a mailbox, besides signing up: that another address is theirs."""
