"""A word to whoever is responsible: from a page to their mailbox, and kept nowhere on the way."""
